"""What the fault menu found: every episode kept, the rows of the table derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.results.envelope import Envelope

from .writer import Seen

__all__ = ["KIND", "PLAIN", "SCHEMA", "Episode", "FaultsResult", "Row"]

KIND = "faults"
SCHEMA = 1
# Stands for a policy where there is none: the writers use sqlite3 alone.
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault, under one policy, once.

    number: of the round, from 0. control, may_lose: as the fault says. skipped: why it was not played. broken: why the
    fault could not be provoked as described. note: what it told. attempted, acknowledged: writes of the scene's
    writers; failed: errors that they saw, by kind and code in `seen`; seen_elsewhere: errors of other processes. lost,
    duplicated, ghosts, integrity: see database.Found. lasted_ms: from the fault's first instant to its last.
    recover_ms: from there to the first write that was admitted and acknowledged, None if there was none.
    longest_wait_ms: of any write, admitted or not. red: whether a control came out as it must.
    """

    fault: str
    policy: str
    number: int
    control: bool
    may_lose: str
    skipped: str
    broken: str
    note: str
    attempted: int
    acknowledged: int
    failed: int
    seen: tuple[Seen, ...]
    seen_elsewhere: tuple[Seen, ...]
    lost: int
    duplicated: int
    ghosts: int
    integrity: str
    lasted_ms: float
    recover_ms: float | None
    longest_wait_ms: float | None
    red: bool

    @classmethod
    def unplayed(cls, fault: str, policy: str, number: int, *, control: bool, may_lose: str, reason: str) -> Episode:
        """An episode that was skipped for `reason`."""
        return cls(
            fault=fault,
            policy=policy,
            number=number,
            control=control,
            may_lose=may_lose,
            skipped=reason,
            broken="",
            note="",
            attempted=0,
            acknowledged=0,
            failed=0,
            seen=(),
            seen_elsewhere=(),
            lost=0,
            duplicated=0,
            ghosts=0,
            integrity="ok",
            lasted_ms=0.0,
            recover_ms=None,
            longest_wait_ms=None,
            red=False,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """All rounds of one fault under one policy: sums, the longest wait, the median and the longest recovery.

    rounds: played. unrecovered: rounds in which no write was admitted after the fault had ended. damaged: rounds after
    which the integrity check complained. red: rounds in which a control came out as it must.
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
        """A control that was played and came out green every time."""
        return self.control and self.rounds > 0 and not self.red

    @property
    def wrong(self) -> bool:
        """Whether something was found that must not be."""
        if self.control:
            return self.blind or bool(self.broken)
        loss = self.lost and not self.may_lose
        return bool(loss or self.duplicated or self.ghosts or self.unrecovered or self.broken) or (
            self.damaged > 0 and not self.may_lose
        )


@dataclass(frozen=True, slots=True)
class FaultsResult:
    """The episodes of one command on one machine. rounds_planned: of each fault and policy. seed: of think times,
    jitter and the faults' own chances.
    """

    envelope: Envelope
    rounds_planned: int
    seed: int
    episodes: tuple[Episode, ...]

    def rows(self) -> list[Row]:
        """One per fault and policy, in the order in which they were first played."""
        grouped: dict[tuple[str, str], list[Episode]] = {}
        for episode in self.episodes:
            grouped.setdefault((episode.fault, episode.policy), []).append(episode)
        return [_row(episodes) for episodes in grouped.values()]

    def to_json(self) -> str:
        """The result as JSON text."""
        found = asdict(self)
        del found["envelope"]
        return self.envelope.seal(found)

    @classmethod
    def from_json(cls, text: str) -> FaultsResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> FaultsResult:
            return cls(envelope=envelope, **{**found, "episodes": tuple(map(_episode, found["episodes"]))})

        return Envelope.read(text, make, kind=KIND, schema=SCHEMA)


def _episode(entry: dict[str, Any]) -> Episode:
    return Episode(
        **{
            **entry,
            "seen": tuple(Seen(**seen) for seen in entry["seen"]),
            "seen_elsewhere": tuple(Seen(**seen) for seen in entry["seen_elsewhere"]),
        }
    )


def _row(episodes: Sequence[Episode]) -> Row:
    first = episodes[0]
    played = [episode for episode in episodes if not episode.skipped]
    recovered = sorted(episode.recover_ms for episode in played if episode.recover_ms is not None)
    waits = [episode.longest_wait_ms for episode in played if episode.longest_wait_ms is not None]
    return Row(
        fault=first.fault,
        policy=first.policy,
        control=first.control,
        may_lose=first.may_lose,
        rounds=len(played),
        skipped=first.skipped,
        broken=next((episode.broken for episode in played if episode.broken), ""),
        note=next((episode.note for episode in played if episode.note), ""),
        acknowledged=sum(episode.acknowledged for episode in played),
        failed=sum(episode.failed for episode in played),
        seen=_summed([episode.seen for episode in played]),
        seen_elsewhere=_summed([episode.seen_elsewhere for episode in played]),
        lost=sum(episode.lost for episode in played),
        rounds_lost=sum(1 for episode in played if episode.lost),
        duplicated=sum(episode.duplicated for episode in played),
        ghosts=sum(episode.ghosts for episode in played),
        damaged=sum(1 for episode in played if episode.integrity != "ok"),
        unrecovered=sum(1 for episode in played if episode.recover_ms is None),
        recover_ms=recovered[len(recovered) // 2] if recovered else None,
        longest_recover_ms=recovered[-1] if recovered else None,
        longest_wait_ms=max(waits) if waits else None,
        red=sum(1 for episode in played if episode.red),
    )


def _summed(parts: Sequence[Sequence[Seen]]) -> tuple[Seen, ...]:
    counted: Counter[tuple[str, int | None]] = Counter()
    for part in parts:
        for seen in part:
            counted[seen.kind, seen.code] += seen.count
    return tuple(Seen(kind, code, count) for (kind, code), count in counted.most_common())
