"""The kinds of stored results, and where each is read."""

from __future__ import annotations

import re
from importlib import import_module

from pytest_sessionreg.error_base import ResultError

from ..experiments.outcome import Outcome

__all__ = ["FILE_NAMES", "KINDS", "read_outcome"]

# The modules whose `read_outcome(text)` reads a kind; loaded only when one is met.
_MODULES = {
    "storm": "experiments.storm.outcome",
    "capacity": "experiments.capacity.outcome",
    "open-storm": "experiments.open_storm.outcome",
    "faults": "faults.outcome",
    "campaign": "faults.campaigns.outcome",
    "adoption": "experiments.adoption.outcome",
    "storm-gate": "experiments.gate_outcome",
    "gate-proof": "experiments.gate_proof.outcome",
    "hosts": "hosts.outcome",
    "places": "hosts.outcome",  # as version 0.1 called it
}
KINDS = tuple(_MODULES)
# What commands and the plugin call the files of results.
FILE_NAMES = (*(f"{kind}.json" for kind in KINDS), "gate.json")
# Every result begins with its kind (see Envelope.seal), but storms of schema 1, which did not say, and campaigns of
# version 0.1, which began with another word.
_KIND = re.compile(r'\s*\{\s*(?:"kind":\s*"([^"]*)"|"(campaign)":)')


def read_outcome(text: str) -> Outcome:
    """The stored result in `text`, of whichever kind. Raises ResultError where it is none, or truncated, or of a kind
    or a schema that this version does not read.
    """
    found = _KIND.match(text)
    kind = found[1] or found[2] if found else "storm"
    if kind not in _MODULES:
        raise ResultError(f"a result of {kind!r}; this version reads {', '.join(KINDS)}")
    module = import_module(f"..{_MODULES[kind]}", __package__)
    outcome: Outcome = module.read_outcome(text)
    return outcome
