"""How a campaign is shown and stored as other results are: its table of findings, and a page."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from pytest_sessionreg.report.figures import DASH
from pytest_sessionreg.report.glossary import words_for
from pytest_sessionreg.report.table import plain_table

from ...experiments.experiment_outcome import ExperimentOutcome
from ...experiments.outcome import Figures
from .result import CampaignResult

__all__ = ["outcome", "read_outcome"]

_HELD = {True: "yes", False: "NO", None: DASH}
_WORDS = {
    "campaign": "one kind of fault, injected so often that it means something",
    "held": "whether what was asked came; nothing is asked of what is only documented",
}


def outcome(result: CampaignResult) -> ExperimentOutcome:
    """`result` as an Outcome."""
    return ExperimentOutcome(
        envelope=result.envelope,
        json=result.to_json(),
        question=f"Does the write queue hold what it promises? Campaign {result.campaign}",
        tables=[_table(result)],
        finding=_finding(result),
        figures=[Figures(finding.fault, {"times": finding.times}) for finding in result.findings],
        words=words_for("lost", "wait", "partial", more=_WORDS),
        problems=[
            f"{finding.fault}: asked was {finding.asked}; what came is {finding.found}" for finding in result.failed
        ],
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(CampaignResult.from_json(text))


def _table(result: CampaignResult) -> Table:
    table = plain_table(gap=2)
    table.title = Text(f"campaign {result.campaign}")
    for heading, most in (("fault", 28), ("asked", 24), ("found", 30)):
        table.add_column(heading, overflow="fold", max_width=most)
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("held", no_wrap=True)
    for finding in result.findings:
        texts = (finding.fault, finding.asked or DASH, finding.found)
        table.add_row(*map(Text, texts), f"{finding.times:,}", _HELD[finding.good])
    return table


def _finding(result: CampaignResult) -> str:
    asked = sum(finding.good is not None for finding in result.findings)
    return f"{asked - len(result.failed)} of {asked} things that were asked held, in {result.seconds:g} s."
