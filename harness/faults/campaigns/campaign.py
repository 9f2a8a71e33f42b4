"""A campaign under way, and its result: findings, a line of the table each, and what was measured beside them."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from time import monotonic
from typing import Any

from pytest_sessionreg.results.environment import Environment

from ...experiments.interruption import STOPPERS, reason
from ..rig import Rig

__all__ = ["Campaign", "CampaignResult", "Finding", "run_campaign"]


@dataclass(frozen=True, slots=True)
class Finding:
    """fault: what was injected.
    times: how often.
    asked: what has to hold.
    found: what came.
    good: whether it held; None where nothing is asked, and what came is only documented.
    """

    fault: str
    times: int
    asked: str
    found: str
    good: bool | None


class Campaign:
    """What a campaign's `run` is given: its chances, rigs, and where findings and measurements go.

    check: called between steps and ten times a second, and may raise.
    on_finding: told of each finding as it is made.
    """

    def __init__(self, seed: int, *, check: Callable[[], None], on_finding: Callable[[Finding], None]) -> None:
        self.random = random.Random(seed)
        self.check = check
        self.findings: list[Finding] = []
        self.measurements: dict[str, Any] = {}
        self.rig = partial(Rig, check=check)
        self._on_finding = on_finding

    def ask(self, fault: str, *, times: int, asked: str, found: str, good: bool) -> None:
        """Add a finding of which something was asked."""
        self._add(Finding(fault, times, asked, found, bool(good)))  # a comparison of numpy's is no bool for JSON

    def note(self, fault: str, *, times: int, found: str) -> None:
        """Add a finding of which nothing was asked."""
        self._add(Finding(fault, times, "", found, None))

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._on_finding(finding)


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """campaign: its name.
    command: repeats it.
    machine, environment: where it ran.
    seconds: how long.
    parameters: as the command took them.
    partial: what ended it early, None if nothing did.
    """

    campaign: str
    command: str
    machine: str
    environment: Environment
    seconds: float
    parameters: Mapping[str, Any]
    partial: str | None
    findings: tuple[Finding, ...]
    measurements: Mapping[str, Any]

    @property
    def good(self) -> bool:
        """Whether all that was asked held, to the end."""
        return self.partial is None and all(finding.good is not False for finding in self.findings)

    def to_json(self) -> str:
        """The result as JSON text."""
        return json.dumps(asdict(self), indent=1, default=float) + "\n"


def run_campaign(
    name: str,
    run: Callable[..., None],
    parameters: Mapping[str, Any],
    *,
    seed: int,
    command: str,
    check: Callable[[], None],
    on_finding: Callable[[Finding], None],
) -> CampaignResult:
    """Call `run` with a Campaign and `parameters`. What ends it early (see interruption) is raised only where nothing
    has been found yet.
    """
    started = monotonic()
    environment = Environment.of(os.path.join(tempfile.gettempdir(), "faults.db"))
    campaign = Campaign(seed, check=check, on_finding=on_finding)
    partial_because = None
    try:
        run(campaign, **parameters)
    except STOPPERS as stopper:
        if not campaign.findings:
            raise
        partial_because = reason(stopper)
    return CampaignResult(
        campaign=name,
        command=command,
        machine=environment.line(),
        environment=environment,
        seconds=round(monotonic() - started, 1),
        parameters={"seed": seed, **parameters},
        partial=partial_because,
        findings=tuple(campaign.findings),
        measurements=campaign.measurements,
    )
