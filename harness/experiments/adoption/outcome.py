"""How a registry's adoption is shown and stored."""

from __future__ import annotations

from pytest_sessionreg.report.glossary import words_for

from ..experiment_outcome import ExperimentOutcome
from ..outcome import Figures
from .result import AdoptionResult
from .table import adoption_table, finding

__all__ = ["outcome", "read_outcome"]

_WORDS = {
    "suggested": "how often a skill was suggested to a session",
    "invoked": "how often it was invoked, whether it had been suggested or not",
    "taken": "suggestions after which the same session invoked that skill",
    "adoption": "taken over suggested; none where nothing was suggested, because 0 would be a rate",
}


def outcome(result: AdoptionResult) -> ExperimentOutcome:
    """`result` as an Outcome."""
    every = [Figures(skill.skill, _values(skill.suggested, skill.invoked, skill.taken)) for skill in result.skills]
    invoked = sum(skill.invoked for skill in result.skills)
    return ExperimentOutcome(
        envelope=result.envelope,
        json=result.to_json(),
        question="Which skills were suggested, which were invoked, and did the one lead to the other?",
        tables=[adoption_table(result)],
        finding=finding(result),
        figures=[Figures("all", _values(result.suggested, invoked, result.taken)), *every],
        words=words_for(more=_WORDS),
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(AdoptionResult.from_json(text))


def _values(suggested: int, invoked: int, taken: int) -> dict[str, float | None]:
    rate = 100 * taken / suggested if suggested else None
    return {"suggested": suggested, "invoked": invoked, "taken": taken, "adoption %": rate}
