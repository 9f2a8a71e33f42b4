"""How a fault menu is shown and stored."""

from __future__ import annotations

from pytest_sessionreg.report.glossary import words_for
from pytest_sessionreg.results.policies import POLICY_NAMES

from ..experiments.experiment_outcome import ExperimentOutcome
from ..experiments.outcome import Figures
from .result import FaultsResult
from .table import fault_legend, faults_table, finding, wrong

__all__ = ["outcome", "read_outcome"]

_WORDS = {
    "control": "a fault that must come out red: it loses or refuses writes by its nature, or the harness is blind",
    "plain": "writers that use sqlite3 alone, without a policy",
    "recovered": "from the fault's end to the first write that was admitted and acknowledged",
    "WriteTimeout": "the registry's error for a write whose policy gave up",
}


def outcome(result: FaultsResult) -> ExperimentOutcome:
    """`result` as an Outcome."""
    rows = result.rows()
    return ExperimentOutcome(
        envelope=result.envelope,
        json=result.to_json(),
        question="What do callers see of a fault, what is lost, how long does recovery take?",
        tables=[faults_table(result), fault_legend(result)],
        finding=finding(result),
        figures=[
            Figures(
                f"{row.fault}, {row.policy}",
                {
                    "rounds": row.rounds,
                    "acked": row.acknowledged,
                    "failed": row.failed,
                    "lost": row.lost,
                    "recovered ms": row.recover_ms,
                    "longest wait ms": row.longest_wait_ms,
                },
            )
            for row in rows
        ],
        words=words_for(*POLICY_NAMES, "lost", "partial", more=_WORDS),
        problems=wrong(result),
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(FaultsResult.from_json(text))
