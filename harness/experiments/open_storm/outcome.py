"""How an open storm is shown and stored."""

from __future__ import annotations

from pytest_sessionreg.report.glossary import words_for

from ..experiment_outcome import ExperimentOutcome
from ..outcome import Figures
from .result import OpenStormResult
from .table import finding, open_storm_table, wrong

__all__ = ["outcome", "read_outcome"]

_WORDS = {
    "order": "the steps by which an opener gets from a path to a connection it can use, one after the other",
    "wal": "the step that switches the file to write-ahead logging",
    "recovery": "what the first opener after a crash does with the log that was left",
}


def outcome(result: OpenStormResult) -> ExperimentOutcome:
    """`result` as an Outcome."""
    return ExperimentOutcome(
        envelope=result.envelope,
        json=result.to_json(),
        question="Which order of the open steps fails, where, and with which code?",
        tables=[open_storm_table(result)],
        finding=finding(result),
        figures=[
            Figures(
                f"{cell.order}, {cell.state}",
                {
                    "openings": cell.openings,
                    "failed": cell.failed,
                    "rounds failed": cell.rounds_failed,
                    "median ms": cell.median_ms,
                    "longest ms": cell.longest_ms,
                },
            )
            for cell in result.cells()
        ],
        words=words_for("busy", "partial", more=_WORDS),
        problems=wrong(result),
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(OpenStormResult.from_json(text))
