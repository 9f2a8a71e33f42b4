"""A process that waits for the write lock, once or several times, and tells how each wait ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic_ns, sleep

from pytest_sessionreg.registry import Registry, WriteTimeout
from pytest_sessionreg.registry.sqlite.admission.queue.ticket_line import TicketLine
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from tests.campaigns.storm_name import STORM

__all__ = ["Wait", "wait"]

# By how much a wait may miss its patience: 10 ms or 5 %, whichever is more.
_TOLERANCE_MS = 10.0
_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Wait:
    """patience_s: what was allowed. started_ns, ended_ns: the call, and its success or error. left_ns: COMMIT's return.
    admitted: whether it succeeded. ticket: the place taken, -1 for none. phase, place, holder_pid, holder_state: what
    WriteTimeout said.
    """

    patience_s: float
    started_ns: int
    ended_ns: int
    left_ns: int
    admitted: bool
    ticket: int
    phase: str | None = None
    place: int | None = None
    holder_pid: int | None = None
    holder_state: str | None = None

    @property
    def deviation_ms(self) -> float:
        """By how much the whole wait was longer than its patience."""
        return (self.ended_ns - self.started_ns) / 1e6 - self.patience_s * 1000

    @property
    def in_time(self) -> bool:
        """Whether a wait that was given up ended when it should."""
        return abs(self.deviation_ms) <= max(_TOLERANCE_MS, self.patience_s * 1000 * _TOLERANCE)


def wait(database: str, writer: int, patiences_s: Sequence[float], hold_s: float = 0.0) -> Callable[[], list[Wait]]:
    """Open the registry, and return what waits once for each patience; whoever is admitted writes one row."""
    registry = Registry.open(database, policy=WriteQueue(patience=30, slice=0))
    taken: list[int] = []
    join = TicketLine._join

    def noted_join(line: TicketLine, deadline: float) -> None:
        join(line, deadline)
        taken.append(-1 if line._ticket is None else line._ticket)

    TicketLine._join = noted_join  # type: ignore[assignment,method-assign]

    def run() -> list[Wait]:
        waits = []
        for sequence, patience_s in enumerate(patiences_s):
            taken.clear()
            started_ns = monotonic_ns()
            try:
                with registry.transaction(patience=patience_s) as transaction:
                    begun_ns = monotonic_ns()
                    transaction.execute("INSERT INTO storm_writes VALUES (?, ?, ?)", (STORM, writer, sequence))
                    if hold_s:
                        sleep(hold_s)
                waits.append(Wait(patience_s, started_ns, begun_ns, monotonic_ns(), True, taken[-1] if taken else -1))  # noqa: FBT003  admitted
            except WriteTimeout as error:
                ended_ns = monotonic_ns()
                holder = error.holder
                waits.append(
                    Wait(
                        patience_s,
                        started_ns,
                        ended_ns,
                        ended_ns,
                        admitted=False,
                        ticket=taken[-1] if taken else -1,
                        phase=error.phase,
                        place=error.place,
                        holder_pid=None if holder is None else holder.pid,
                        holder_state=None if holder is None else holder.state,
                    )
                )
        registry.close()
        return waits

    return run
