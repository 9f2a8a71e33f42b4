"""What an open storm found: every round kept, the cells of the table derived."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

__all__ = ["KIND", "SCHEMA", "Cell", "OpenStormResult", "OpeningFailure", "OpeningRound"]

KIND = "open-storm"
SCHEMA = 1

# The order that a settled registry and everybody else's advice are held to, and the one that must fail under a lock.
HELD_TO = ("today", "registry")
CONTROL = ("no-timeout", "fresh")


@dataclass(frozen=True, slots=True)
class OpeningFailure:
    """count openers failed in `phase` with SQLite's extended code (None where SQLite had no part in it) as `kind`."""

    phase: str
    code: int | None
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class OpeningRound:
    """openers processes opened a file in `state` at once, each in `order`.

    took_ms: how long each took, sorted.
    integrity: of the file afterwards, "ok" or the first complaint.
    """

    order: str
    state: str
    openers: int
    failures: tuple[OpeningFailure, ...]
    took_ms: tuple[float, ...]
    integrity: str

    @property
    def failed(self) -> int:
        """Openers that failed."""
        return sum(failure.count for failure in self.failures)


@dataclass(frozen=True, slots=True)
class Cell:
    """All rounds of one order on one state. failed of `openings`, in rounds_failed of `rounds`.

    failures: most frequent first.
    median_ms, longest_ms: of one opening.
    """

    order: str
    state: str
    rounds: int
    rounds_failed: int
    openings: int
    failed: int
    failures: tuple[OpeningFailure, ...]
    median_ms: float
    longest_ms: float
    damaged: int


@dataclass(frozen=True, slots=True)
class OpenStormResult:
    """The rounds of one command on one machine. hold_ms: how long the writer of the state "held" kept its lock."""

    envelope: Envelope
    openers: int
    rounds_planned: int
    hold_ms: float
    rounds: tuple[OpeningRound, ...]

    def cells(self) -> list[Cell]:
        """One per order and state, in the order in which they were first run."""
        grouped: dict[tuple[str, str], list[OpeningRound]] = {}
        for entry in self.rounds:
            grouped.setdefault((entry.order, entry.state), []).append(entry)
        return [_cell(order, state, rounds) for (order, state), rounds in grouped.items()]

    @property
    def blind(self) -> bool:
        """Whether the control was run and did not fail: opening without a timeout must, or nothing was raced."""
        control = [cell for cell in self.cells() if (cell.order, cell.state) == CONTROL]
        return bool(control) and not control[0].failed

    @property
    def wrong(self) -> list[Cell]:
        """Cells of the orders that must not fail, and did; and of any that damaged the file."""
        return [cell for cell in self.cells() if cell.damaged or (cell.order in HELD_TO and cell.failed)]

    def to_json(self) -> str:
        """The result as JSON text."""
        found = asdict(self)
        del found["envelope"]
        return self.envelope.seal(found)

    @classmethod
    def from_json(cls, text: str) -> OpenStormResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> OpenStormResult:
            return cls(envelope=envelope, **{**found, "rounds": tuple(map(_opening_round, found["rounds"]))})

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)


def _opening_round(entry: dict[str, Any]) -> OpeningRound:
    made = {
        "failures": tuple(OpeningFailure(**failure) for failure in entry["failures"]),
        "took_ms": tuple(entry["took_ms"]),
    }
    return OpeningRound(**{**entry, **made})


def _cell(order: str, state: str, rounds: list[OpeningRound]) -> Cell:
    counted: Counter[tuple[str, int | None, str]] = Counter()
    for entry in rounds:
        for failure in entry.failures:
            counted[failure.phase, failure.code, failure.kind] += failure.count
    took = sorted(value for entry in rounds for value in entry.took_ms)
    return Cell(
        order=order,
        state=state,
        rounds=len(rounds),
        rounds_failed=sum(1 for entry in rounds if entry.failed),
        openings=sum(entry.openers for entry in rounds),
        failed=sum(entry.failed for entry in rounds),
        failures=tuple(OpeningFailure(*key, count) for key, count in counted.most_common()),
        median_ms=took[len(took) // 2],
        longest_ms=took[-1],
        damaged=sum(1 for entry in rounds if entry.integrity != "ok"),
    )
