"""The fault menu: every fault under every policy, in interleaved rounds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence

from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import POLICY_NAMES, policy_named

from ..experiments.rounds import interleave_rounds
from .fault import Fault
from .fault_run import run_fault
from .menu import FAULT_NAMES, fault_named
from .result import KIND, PLAIN, SCHEMA, FaultRun, FaultsResult

__all__ = ["faults"]


def faults(
    *,
    names: Sequence[str] = FAULT_NAMES,
    policies: Sequence[str] = POLICY_NAMES,
    rounds: int = 3,
    seed: int = 1,
    command: str = "",
    on_step: Callable[[str, float, float], None] = lambda _now, _done, _total: None,
    check: Callable[[], None] = lambda: None,
) -> FaultsResult:
    """Inject each fault of `names` `rounds` times under each of `policies`; a control without a policy runs alone.

    on_step is told what runs now; check may raise KeyboardInterrupt, between fault runs and ten times a second: then
    what was found so far is returned, labelled as partial, as after a failure of the machine or the harness; where
    there is nothing yet, the error is raised. Raises StormError for an unknown policy and KeyError for an unknown
    fault.
    """
    combinations = [
        (fault, policy) for fault in map(fault_named, names) for policy in (policies if fault.per_policy else [PLAIN])
    ]
    environment = Environment.of(os.path.join(tempfile.gettempdir(), "faults.db"))

    def run(combination: tuple[Fault, str], number: int) -> FaultRun:
        fault, policy = combination
        admission = None if policy == PLAIN else policy_named(policy)
        return run_fault(fault, admission, number=number, seed=seed + number, check=check)

    done, partial = interleave_rounds(
        combinations, rounds, run, lambda pair: f"{pair[0].name}, {pair[1]}", on_step=on_step, check=check
    )
    return FaultsResult(
        envelope=Envelope(KIND, SCHEMA, command, environment, partial),
        rounds_planned=rounds,
        seed=seed,
        runs=tuple(done),
    )
