"""A process that waits for the write lock, once or several times, and tells how each wait ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic_ns, sleep

from pytest_sessionreg.processes import Worker
from pytest_sessionreg.registry import Registry, WriteTimeout
from pytest_sessionreg.registry.holder import Holder
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.storm.storm_writes import INSERT

from ..line import record_places, wait_until_in_line
from ..rig import Rig
from ..setup import STORM
from ..target import hold

__all__ = ["Wait", "is_out_of_order", "prepare_holder", "put_in_line", "wait"]

# By how much a wait may miss its patience: 10 ms or 5 %, whichever is more.
_TOLERANCE_MS = 10.0
_TOLERANCE = 0.05
# In a line so many look by themselves (docs/write-queue.md#states).
_ON_WATCH = 3


@dataclass(frozen=True, slots=True)
class Wait:
    """patience_s: what was allowed.
    started_ns, ended_ns: the call, and its success or error.
    left_ns: COMMIT's return.
    admitted: whether it succeeded.
    came_ns: when it came into the line, -1 if it did not.
    holder: whom WriteTimeout named.
    """

    patience_s: float
    started_ns: int
    ended_ns: int
    left_ns: int
    admitted: bool
    came_ns: int
    holder: Holder | None = None

    @property
    def deviation_ms(self) -> float:
        """By how much the whole wait was longer than its patience."""
        return (self.ended_ns - self.started_ns) / 1e6 - self.patience_s * 1000

    @property
    def tolerance_ms(self) -> float:
        """By how much it may deviate."""
        return max(_TOLERANCE_MS, self.patience_s * 1000 * _TOLERANCE)


def wait(database: str, worker: int, patiences_s: Sequence[float], hold_s: float = 0.0) -> Callable[[], list[Wait]]:
    """Open the registry, and return what waits once for each patience; each admission writes a row."""
    registry = Registry.open(database, policy=WriteQueue(patience=30, slice=0))
    places = record_places()

    def run() -> list[Wait]:
        waits = []
        for sequence, patience_s in enumerate(patiences_s):
            places[:] = [-1]
            started_ns = monotonic_ns()
            admitted, holder = True, None
            try:
                with registry.transaction(patience=patience_s) as transaction:
                    ended_ns = monotonic_ns()
                    transaction.execute(INSERT, (STORM, worker, sequence))
                    sleep(hold_s)
                left_ns = monotonic_ns()
            except WriteTimeout as error:
                ended_ns = left_ns = monotonic_ns()
                admitted, holder = False, error.holder
            waits.append(Wait(patience_s, started_ns, ended_ns, left_ns, admitted, places[-1], holder))
        registry.close()
        return waits

    return run


def is_out_of_order(ended_ns: Sequence[int]) -> bool:
    """Whether waiters, listed as they came, were served in another order, but for the first three in line: those look
    by themselves now and then, and one that is awake is not woken.
    """
    return list(ended_ns[_ON_WATCH:]) != sorted(ended_ns[_ON_WATCH:])


def prepare_holder(rig: Rig, database: str | None = None) -> Worker:
    """A process that holds the write lock, by default of the rig's own database, until it is released."""
    return rig.prepare(hold, database or rig.setup.database, WriteQueue(patience=30))


def put_in_line(
    rig: Rig, count: int, *, database: str | None = None, patience_s: float = 60, hold_s: float = 0.001
) -> list[Worker]:
    """`count` waiters that came one after the other, while another process holds the lock."""
    path = database or rig.setup.database
    workers = []
    for number in range(count):
        workers.append(rig.start(wait, path, number, (patience_s,), hold_s))
        wait_until_in_line(path, number + 1)
    return workers
