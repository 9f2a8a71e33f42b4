"""What the fault menu found: every fault run kept, the rows of the table derived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

from .fault import Fault
from .seen import Seen, Tally

__all__ = ["KIND", "PLAIN", "SCHEMA", "FaultRow", "FaultRun", "FaultsResult"]

KIND = "faults"
SCHEMA = 1
# Stands for a policy where there is none: the writers use sqlite3 alone.
PLAIN = "plain"
# What schema 1 calls the fault runs in a stored result.
_RUNS = "episodes"


@dataclass(frozen=True, slots=True)
class FaultRun:
    """One fault, under one policy, once.

    number: of the round, from 0.
    control, may_lose: as the fault says.
    skipped: why there was no run.
    broken, note: see Injection.
    attempted, acknowledged: writes of the writers.
    failed: errors that they saw, by kind and code in `seen`; `seen_elsewhere` are those of other processes.
    lost, duplicated, ghosts, integrity: see Verified.
    lasted_ms: from the fault's first instant to its last.
    recover_ms: from there to the first write that was admitted and acknowledged, None if there was none.
    longest_wait_ms: of any write, admitted or not.
    red: whether a control came out as it must.
    """

    fault: str
    policy: str
    number: int
    control: bool
    may_lose: str
    skipped: str = ""
    broken: str = ""
    note: str = ""
    attempted: int = 0
    acknowledged: int = 0
    failed: int = 0
    seen: tuple[Seen, ...] = ()
    seen_elsewhere: tuple[Seen, ...] = ()
    lost: int = 0
    duplicated: int = 0
    ghosts: int = 0
    integrity: str = "ok"
    lasted_ms: float = 0.0
    recover_ms: float | None = None
    longest_wait_ms: float | None = None
    red: bool = False

    @classmethod
    def skip(cls, fault: Fault, policy: str, number: int, reason: str) -> FaultRun:
        """One that there was not, for `reason`."""
        return cls(fault.name, policy, number, control=fault.control, may_lose=fault.may_lose, skipped=reason)


@dataclass(frozen=True, slots=True)
class FaultRow:
    """All rounds of one fault under one policy: sums, the longest wait, the median and the longest recovery.

    rounds: those that were run.
    unrecovered: rounds in which no write was admitted after the fault had ended.
    damaged: rounds after which the integrity check complained.
    red: rounds in which a control came out as it must.
    """

    fault: str
    policy: str
    control: bool
    may_lose: str
    rounds: int
    skipped: str
    broken: str
    note: str
    acknowledged: int
    failed: int
    seen: tuple[Seen, ...]
    seen_elsewhere: tuple[Seen, ...]
    lost: int
    rounds_lost: int
    duplicated: int
    ghosts: int
    damaged: int
    unrecovered: int
    recover_ms: float | None
    longest_recover_ms: float | None
    longest_wait_ms: float | None
    red: int

    @property
    def blind(self) -> bool:
        """A control that came out green every time."""
        return self.control and self.rounds > 0 and not self.red

    @property
    def wrong(self) -> bool:
        """Whether something was found that must not be."""
        if self.control:
            return self.blind or bool(self.broken)
        loss = (self.lost or self.damaged) and not self.may_lose
        return bool(loss or self.duplicated or self.ghosts or self.unrecovered or self.broken)


@dataclass(frozen=True, slots=True)
class FaultsResult:
    """The fault runs of one command on one machine.

    rounds_planned: of each fault and policy.
    seed: of think times, jitter and the faults' own chances.
    """

    envelope: Envelope
    rounds_planned: int
    seed: int
    runs: tuple[FaultRun, ...]

    def rows(self) -> list[FaultRow]:
        """One per fault and policy, in the order in which they were first run."""
        grouped: dict[tuple[str, str], list[FaultRun]] = {}
        for run in self.runs:
            grouped.setdefault((run.fault, run.policy), []).append(run)
        return [_row(runs) for runs in grouped.values()]

    def to_json(self) -> str:
        """The result as JSON text."""
        found = asdict(self)
        del found["envelope"]
        found[_RUNS] = found.pop("runs")
        return self.envelope.seal(found)

    @classmethod
    def from_json(cls, text: str) -> FaultsResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> FaultsResult:
            runs = tuple(map(_run, found.pop(_RUNS)))
            return cls(envelope=envelope, runs=runs, **found)

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)


def _run(entry: dict[str, Any]) -> FaultRun:
    every = {name: tuple(Seen(**seen) for seen in entry[name]) for name in ("seen", "seen_elsewhere")}
    return FaultRun(**{**entry, **every})


def _row(every: Sequence[FaultRun]) -> FaultRow:
    first = every[0]
    runs = [run for run in every if not run.skipped]
    recovered = sorted(run.recover_ms for run in runs if run.recover_ms is not None)
    waits = [run.longest_wait_ms for run in runs if run.longest_wait_ms is not None]
    return FaultRow(
        fault=first.fault,
        policy=first.policy,
        control=first.control,
        may_lose=first.may_lose,
        rounds=len(runs),
        skipped=first.skipped,
        broken=next((run.broken for run in runs if run.broken), ""),
        note=next((run.note for run in runs if run.note), ""),
        acknowledged=sum(run.acknowledged for run in runs),
        failed=sum(run.failed for run in runs),
        seen=Tally(seen for run in runs for seen in run.seen).seen(),
        seen_elsewhere=Tally(seen for run in runs for seen in run.seen_elsewhere).seen(),
        lost=sum(run.lost for run in runs),
        rounds_lost=sum(1 for run in runs if run.lost),
        duplicated=sum(run.duplicated for run in runs),
        ghosts=sum(run.ghosts for run in runs),
        damaged=sum(1 for run in runs if run.integrity != "ok"),
        unrecovered=sum(1 for run in runs if run.recover_ms is None),
        recover_ms=recovered[len(recovered) // 2] if recovered else None,
        longest_recover_ms=recovered[-1] if recovered else None,
        longest_wait_ms=max(waits) if waits else None,
        red=sum(1 for run in runs if run.red),
    )
