"""One load, and what its rounds say of the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CapacityLoad", "CapacityRound", "Target", "loads_by_writers"]

_P99_SHARE = 0.01
# One or two slow writes in a round of a hundred prove nothing: up to so many rounds are run before they count.
_CHANCE = 2
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Target:
    """p99_ms: at most 1 % of the writes may take longer.
    rounds_share: of the rounds, so many must give up no write.
    """

    p99_ms: float = 250.0
    rounds_share: float = 0.99


@dataclass(frozen=True, slots=True)
class CapacityRound:
    """One storm.

    question: "target", the whole target; or "survival", no write given up, whatever the tail. That is asked of the
        retry budget alone: rounds in which policies with a patience of 5 s could give up would have to be longer.
    gave_up: writes that the policy gave up or that failed otherwise, of `writes` attempted.
    slow: writes over the target's p99_ms.
    p99_ms: None below 368 writes.
    longest_ms: of any write.
    lost: acknowledged writes without a row.
    """

    question: str
    policy: str
    hold_ms: float
    writers: int
    seed: int
    writes: int
    gave_up: int
    slow: int
    p99_ms: float | None
    longest_ms: float
    utilization: float
    lost: int


@dataclass(frozen=True, slots=True)
class CapacityLoad:
    """All rounds of one question, policy, hold and number of writers."""

    writers: int
    rounds: tuple[CapacityRound, ...]

    @property
    def failed_rounds(self) -> int:
        """Rounds in which a write was given up."""
        return sum(1 for entry in self.rounds if entry.gave_up)

    @property
    def writes(self) -> int:
        """Writes of all rounds."""
        return sum(entry.writes for entry in self.rounds)

    @property
    def slow(self) -> int:
        """Of these, over the target's p99_ms."""
        return sum(entry.slow for entry in self.rounds)

    def holds(self, question: str, target: Target) -> bool | None:
        """Whether the target holds here, as far as the rounds go; None where another round is needed to tell."""
        if not self.rounds:
            return None
        if self.failed_rounds > (1 - target.rounds_share) * len(self.rounds):
            return False
        if question == "survival":
            return True
        if self.slow <= _P99_SHARE * self.writes:
            return True
        return None if self.slow <= _CHANCE and len(self.rounds) < _LOOKS else False


def loads_by_writers(
    rounds: Sequence[CapacityRound], question: str, policy: str, hold_ms: float
) -> dict[int, CapacityLoad]:
    """The loads of one question, policy and hold, by their number of writers, ascending."""
    grouped: dict[int, list[CapacityRound]] = {}
    for entry in rounds:
        if (entry.question, entry.policy, entry.hold_ms) == (question, policy, hold_ms):
            grouped.setdefault(entry.writers, []).append(entry)
    return {writers: CapacityLoad(writers, tuple(grouped[writers])) for writers in sorted(grouped)}
