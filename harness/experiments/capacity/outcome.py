"""How a capacity search is shown and stored."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_sessionreg.report.glossary import words_for
from pytest_sessionreg.results.policies import ON_REQUEST, POLICY_NAMES

from ..experiment_outcome import ExperimentOutcome
from ..outcome import Figures
from .result import CapacityResult
from .table import capacity_table, finding

__all__ = ["outcome", "read_outcome"]

_WORDS = {
    "frontier": "for each hold the most writers at which the target held; the next larger number tried did not",
    "writers x hold": "how long one turn of all writers takes: what the last in a queue waits, about",
    "round": "one storm at one load; the same load is run again and again to be sure",
}


def outcome(result: CapacityResult) -> ExperimentOutcome:
    """`result` as an Outcome."""
    policies = [name for name in (*POLICY_NAMES, *ON_REQUEST) if name in result.policies]
    lost = f"{result.lost} acknowledged writes were lost; nothing else matters until that is explained"
    return ExperimentOutcome(
        envelope=result.envelope,
        json=result.to_json(),
        question="How many writers does each policy stand?",
        tables=[capacity_table(result)],
        finding=finding(result),
        figures=_figures(result),
        words=words_for(*policies, "exhausted", "hold", "lost", "partial", more=_WORDS),
        problems=[lost] if result.lost else [],
        pictures=lambda: _pictures(result),
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(CapacityResult.from_json(text))


def _figures(result: CapacityResult) -> list[Figures]:
    return [
        Figures(
            f"{point.policy}{'' if point.question == 'target' else ', no p99'}, {point.hold_ms:g} ms",
            {
                "writers hold": point.held if point.held or point.done else None,
                "writers fail": point.failed,
                "lock busy %": None if point.utilization is None else 100 * point.utilization,
                "rounds": point.rounds,
            },
        )
        for point in result.points()
    ]


def _pictures(result: CapacityResult) -> Mapping[str, bytes]:
    from .picture import capacity_pictures  # only now: matplotlib is loaded for nothing else here

    return capacity_pictures(result)
