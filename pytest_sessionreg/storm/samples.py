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
        ("started_ns", "<u8"),
        ("wait_ns", "<u8"),
        ("hold_ns", "<u8"),
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
    """One entry per write, each worker's in order; instants in microseconds since the gate opened.

    wait_us: until BEGIN's success, or until giving up. hold_us: from there to COMMIT's return, 0 if not admitted. busy,
    retries: -1 under BusyTimeout. code: SQLite's extended result code, 0 if none. outcome, phase: indexes into
    ledger.OUTCOMES and ledger.PHASES.
    """

    worker: Integers
    sequence: Integers
    started_us: Integers
    wait_us: Integers
    hold_us: Integers
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
    def latency_us(self) -> Integers:
        """Wait plus hold: from the first attempt to COMMIT's return, or to giving up."""
        return self.wait_us + self.hold_us

    def by_worker(self) -> Iterator[slice]:
        """The slice of each worker that wrote at all."""
        starts = np.flatnonzero(np.diff(self.worker, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(self.worker)], strict=True):
            yield slice(int(start), int(end))

    @classmethod
    def read(cls, ledgers: Sequence[str], *, opened_ns: int) -> Samples:
        """The samples of all `ledgers`, in the workers' order; a worker that never made a ledger has none."""
        parts: list[npt.NDArray[np.void]] = []
        workers: list[Integers] = []
        for worker, path in enumerate(ledgers):
            try:
                records = np.fromfile(path, dtype=_DTYPE, offset=HEADER.size)
            except FileNotFoundError:
                continue
            empty = np.flatnonzero(records["outcome"] == 0)
            records = records[: empty[0]] if len(empty) else records
            parts.append(records)
            workers.append(np.full(len(records), worker, dtype=np.int64))
        all_records = np.concatenate(parts) if parts else np.empty(0, dtype=_DTYPE)

        def column(name: str) -> Integers:
            return all_records[name].astype(np.int64)

        def counted(name: str) -> Integers:
            values = column(name)
            return np.where(values == UNSEEN, -1, values)

        return cls(
            worker=np.concatenate(workers) if workers else np.empty(0, dtype=np.int64),
            sequence=column("sequence"),
            started_us=(column("started_ns") - opened_ns) // 1000,
            wait_us=column("wait_ns") // 1000,
            hold_us=column("hold_ns") // 1000,
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
