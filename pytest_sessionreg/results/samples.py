"""The measured writes of one storm, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .ledger import HEADER, OUTCOMES, UNSEEN

__all__ = ["Samples", "read_counters"]

Integers = npt.NDArray[np.int64]

# ledger.RECORD, for numpy
_DTYPE = np.dtype(
    [
        ("started_ns", "<i8"),
        ("late_ns", "<i8"),
        ("before_ns", "<i8"),
        ("wait_ns", "<i8"),
        ("hold_ns", "<i8"),
        ("after_ns", "<i8"),
        ("sequence", "<u4"),
        ("busy", "<u4"),
        ("retries", "<u4"),
        ("code", "<u2"),
        ("phase", "u1"),
        ("outcome", "u1"),
    ]
)
COMMITTED = OUTCOMES.index("committed")
EXHAUSTED = OUTCOMES.index("exhausted")
FAILED = OUTCOMES.index("failed")


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One entry per write, each worker's in order; spans in microseconds, instants in microseconds since the barrier
    opened (in an open loop: since the schedule's first instant).

    started_us: the first attempt to get the lock.
    late_us: from the instant for which the write was scheduled to its begin; -1 in a closed loop.
    before_us: from its begin to the first attempt (a hook's interpreter starts).
    wait_us: from there until BEGIN's success, or until giving up.
    hold_us: from there to COMMIT's return, 0 if not admitted.
    after_us: from there to its end (a hook's interpreter ends). Where a function does its own transactions wait_us and
        hold_us are -1 and after_us is the whole.
    busy, retries: -1 where SQLite or that function retries unseen.
    code: SQLite's extended result code, 0 if none.
    outcome, phase: indexes into ledger.OUTCOMES and ledger.PHASES.
    """

    worker: Integers
    sequence: Integers
    started_us: Integers
    late_us: Integers
    before_us: Integers
    wait_us: Integers
    hold_us: Integers
    after_us: Integers
    busy: Integers
    retries: Integers
    code: Integers
    phase: Integers
    outcome: Integers

    def __len__(self) -> int:
        return len(self.worker)

    @property
    def committed(self) -> npt.NDArray[np.bool_]:
        """Which writes were acknowledged."""
        committed: npt.NDArray[np.bool_] = self.outcome == COMMITTED
        return committed

    @property
    def scheduled(self) -> bool:
        """Whether the writes came on a schedule: an open loop."""
        return bool(len(self)) and bool(self.late_us[0] >= 0)

    @property
    def divided(self) -> bool:
        """Whether wait and hold are known."""
        return bool(len(self)) and bool(self.wait_us[0] >= 0)

    @property
    def locked_us(self) -> Integers:
        """How long each write can have had the lock: hold_us, cut where the next one's BEGIN had succeeded.

        The lock is one writer's at a time, but a process that polling ones push off the processor as it releases the
        lock looks at the clock too late: 64 writers that come straight back and look every millisecond measured holds
        of 12.6 s in all in a storm of 8.2 s, as many in the queue 5.9 of 6.3.
        """
        locked = self.hold_us.copy()
        held = np.flatnonzero(locked > 0)
        begun = self.started_us[held] + self.wait_us[held]
        order = np.argsort(begun, kind="stable")
        followed = held[order[:-1]]
        locked[followed] = np.minimum(locked[followed], np.diff(begun[order]))
        return locked

    @property
    def due_us(self) -> Integers:
        """When each write was due: scheduled in an open loop, begun in a closed one."""
        began_us = self.started_us - self.before_us
        return began_us - self.late_us if self.scheduled else began_us

    @property
    def ended_us(self) -> Integers:
        """When each write was over."""
        own_us = self.wait_us + self.hold_us if self.divided else 0
        return self.started_us + own_us + self.after_us

    @property
    def latency_us(self) -> Integers:
        """From the instant at which a write was due until it was over: wait plus hold, and what there is besides."""
        return self.ended_us - self.due_us

    def by_worker(self) -> Iterator[slice]:
        """The slice of each worker that wrote at all."""
        starts = np.flatnonzero(np.diff(self.worker, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(self.worker)], strict=True):
            yield slice(int(start), int(end))

    @classmethod
    def read(cls, ledgers: Sequence[str], *, opened_ns: int) -> Samples:
        """The samples of all `ledgers`, in the workers' order; a worker that never made a ledger has none."""
        parts: list[npt.NDArray[np.void]] = []
        counts = np.zeros(len(ledgers), dtype=np.int64)
        for worker, path in enumerate(ledgers):
            try:
                records = np.fromfile(path, dtype=_DTYPE, offset=HEADER.size)
            except FileNotFoundError:
                continue
            empty = np.flatnonzero(records["outcome"] == 0)
            records = records[: empty[0]] if len(empty) else records
            parts.append(records)
            counts[worker] = len(records)
        all_records = np.concatenate(parts) if parts else np.empty(0, dtype=_DTYPE)
        parts.clear()

        def column(name: str) -> Integers:
            return all_records[name].astype(np.int64)

        def microseconds(name: str, *, since_ns: int = 0) -> Integers:
            return (column(name) - since_ns) // 1000  # and what is unknown stays -1

        def counted(name: str) -> Integers:
            values = column(name)
            values[values == UNSEEN] = -1
            return values

        return cls(
            worker=np.repeat(np.arange(len(ledgers), dtype=np.int64), counts),
            sequence=column("sequence"),
            started_us=microseconds("started_ns", since_ns=opened_ns),
            late_us=microseconds("late_ns"),
            before_us=microseconds("before_ns"),
            wait_us=microseconds("wait_ns"),
            hold_us=microseconds("hold_ns"),
            after_us=microseconds("after_ns"),
            busy=counted("busy"),
            retries=counted("retries"),
            code=column("code"),
            phase=column("phase"),
            outcome=column("outcome"),
        )


def read_counters(ledgers: Sequence[str]) -> tuple[int, int, int]:
    """Records, busy BEGINs and all BEGINs so far, over all ledgers; safe while the workers write."""
    totals = [0, 0, 0]
    for path in ledgers:
        try:
            with open(path, "rb") as file:
                header = file.read(HEADER.size)
        except FileNotFoundError:
            continue
        if len(header) == HEADER.size:
            totals = [total + value for total, value in zip(totals, HEADER.unpack(header), strict=True)]
    return totals[0], totals[1], totals[2]
