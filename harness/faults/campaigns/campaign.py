"""A campaign under way."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any

from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment

from ...experiments.interruption import STOPPERS, reason
from ..rig import Rig
from .result import KIND, SCHEMA, CampaignFinding, CampaignResult

__all__ = ["Campaign", "run_campaign"]


class Campaign:
    """What a campaign's `run` is given: its chances, rigs, and where findings and measurements go.

    check: called between steps and ten times a second, and may raise.
    on_finding: told of each finding as it is made.
    """

    def __init__(self, seed: int, *, check: Callable[[], None], on_finding: Callable[[CampaignFinding], None]) -> None:
        self.random = random.Random(seed)
        self.check = check
        self.findings: list[CampaignFinding] = []
        self.measurements: dict[str, Any] = {}
        self.rig = partial(Rig, check=check)
        self._on_finding = on_finding

    def ask(self, fault: str, *, times: int, asked: str, found: str, good: bool) -> None:
        """Add a finding of which something was asked."""
        held = bool(good)  # a comparison of numpy's is no bool for JSON
        self._add(CampaignFinding(fault, times, asked, found, held))

    def note(self, fault: str, *, times: int, found: str) -> None:
        """Add a finding of which nothing was asked."""
        self._add(CampaignFinding(fault, times, "", found, None))

    def _add(self, finding: CampaignFinding) -> None:
        self.findings.append(finding)
        self._on_finding(finding)


def run_campaign(
    name: str,
    run: Callable[..., None],
    parameters: Mapping[str, Any],
    *,
    seed: int,
    command: str,
    check: Callable[[], None],
    on_finding: Callable[[CampaignFinding], None],
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
        envelope=Envelope(KIND, SCHEMA, command, environment, partial_because),
        campaign=name,
        seconds=round(monotonic() - started, 1),
        parameters={"seed": seed, **parameters},
        findings=tuple(campaign.findings),
        measurements=campaign.measurements,
    )
