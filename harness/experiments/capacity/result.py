"""What the search found: every round kept, the frontier derived."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

from .confidence import failing_share_bound
from .load import CapacityLoad, CapacityRound, Target, loads_by_writers

__all__ = ["KIND", "SCHEMA", "CapacityResult", "Point"]

KIND = "capacity"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a frontier.

    held: the largest number of writers at which the target held, 0 if at none.
    failed: the smallest at which it did not, None if it was not found up to the ceiling.
    rounds: run at `held`.
    harder: rounds at more writers, counted where none gave up a write: what holds there holds here.
    failing_share: of all rounds at `held`, at most so many give up a write, with 95 % confidence; None without rounds.
    slow_share: of the writes at `held`, over the target's p99_ms.
    utilization: share of the time in which the lock was held there.
    done: whether the gap between held and failed is closed, coarsely at least.
    """

    question: str
    policy: str
    hold_ms: float
    held: int
    failed: int | None
    rounds: int
    harder: int
    failing_share: float | None
    slow_share: float | None
    utilization: float | None
    done: bool


@dataclass(frozen=True, slots=True)
class CapacityResult:
    """The rounds of one search on one machine.

    holds_ms: searched.
    think_ms: mean pause before each write.
    workers, hold_ms: the load that is asked about.
    ceiling: most writers that were tried.
    round_s: how long each round of the question "target" lasted, survival_round_s of "survival".
    planned_s: how long the search was to take.
    """

    envelope: Envelope
    target: Target
    policies: tuple[str, ...]
    holds_ms: tuple[float, ...]
    think_ms: float
    workers: int
    hold_ms: float
    ceiling: int
    round_s: float
    survival_round_s: float
    planned_s: float
    rounds: tuple[CapacityRound, ...]

    def points(self) -> list[Point]:
        """The frontier of every question that was asked, policy by policy, by ascending hold."""
        asked = dict.fromkeys((entry.question, entry.policy, entry.hold_ms) for entry in self.rounds)
        order = {policy: number for number, policy in enumerate(self.policies)}
        return [
            frontier_point(self.rounds, *key, target=self.target, ceiling=self.ceiling)
            for key in sorted(asked, key=lambda key: (key[0] != "target", order.get(key[1], 99), key[2]))
        ]

    @property
    def lost(self) -> int:
        """Acknowledged writes that are not in their database, over all rounds: one is one too many."""
        return sum(entry.lost for entry in self.rounds)

    def to_json(self) -> str:
        """The result as JSON text."""
        found = asdict(self)
        del found["envelope"]
        return self.envelope.seal(found)

    @classmethod
    def from_json(cls, text: str) -> CapacityResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> CapacityResult:
            made = {
                "target": Target(**found["target"]),
                "policies": tuple(found["policies"]),
                "holds_ms": tuple(found["holds_ms"]),
                "rounds": tuple(CapacityRound(**entry) for entry in found["rounds"]),
            }
            return cls(envelope=envelope, **{**found, **made})

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)


def bracket(loads: dict[int, CapacityLoad], question: str, target: Target) -> tuple[int, int | None]:
    """(held, failed): the largest number of writers that held below the smallest that failed."""
    failed = min((writers for writers, load in loads.items() if load.holds(question, target) is False), default=None)
    held = max(
        (
            writers
            for writers, load in loads.items()
            if load.holds(question, target) and (failed is None or writers < failed)
        ),
        default=0,
    )
    return held, failed


def frontier_point(
    rounds: tuple[CapacityRound, ...], question: str, policy: str, hold_ms: float, *, target: Target, ceiling: int
) -> Point:
    """The point of one frontier at one hold, as far as `rounds` tell."""
    from .search import COARSE, next_load

    loads = loads_by_writers(rounds, question, policy, hold_ms)
    held, failed = bracket(loads, question, target)
    at = loads.get(held)
    beyond = [load for writers, load in loads.items() if writers > held and not load.failed_rounds]
    harder = sum(len(load.rounds) for load in beyond) if at and not at.failed_rounds else 0
    return Point(
        question=question,
        policy=policy,
        hold_ms=hold_ms,
        held=held,
        failed=failed,
        rounds=len(at.rounds) if at else 0,
        harder=harder,
        failing_share=failing_share_bound(len(at.rounds) + harder, at.failed_rounds) if at else None,
        slow_share=at.slow / at.writes if at else None,
        utilization=sum(entry.utilization for entry in at.rounds) / len(at.rounds) if at else None,
        done=next_load(held, failed, start=1, ceiling=ceiling, resolution=COARSE) is None,
    )
