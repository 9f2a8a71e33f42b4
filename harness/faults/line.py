"""The write queue's line as faults and campaigns look at it: all that they know of how the queue is made is here."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, monotonic_ns, sleep
from typing import Any

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.sqlite.admission.queue import bell
from pytest_sessionreg.registry.sqlite.admission.queue import sidecar as sidecar_file
from pytest_sessionreg.registry.sqlite.admission.queue.byte_locks import ByteLocks
from pytest_sessionreg.registry.sqlite.admission.queue.kernel_locks import shm_locks
from pytest_sessionreg.registry.sqlite.admission.queue.line import line_state
from pytest_sessionreg.registry.sqlite.admission.queue.ticket_file import JOIN
from pytest_sessionreg.registry.sqlite.admission.queue.ticket_line import TicketLine
from pytest_sessionreg.registry.sqlite.database import Database

__all__ = [
    "JoinLock",
    "bell_pipe",
    "is_in_checkpoint",
    "join_for_ever",
    "record_polls",
    "record_tickets",
    "sidecar",
    "wait_until_in_line",
]

# WAL_CKPT_LOCK: a byte of the -shm file (https://www.sqlite.org/walformat.html, 2.2).
_CHECKPOINT_LOCK = 121


def sidecar(database: str) -> str:
    """Path of the file that orders the writers."""
    return database + sidecar_file.SUFFIX


def bell_pipe(database: str) -> str:
    """Path of the pipe that wakes the head of the line."""
    return sidecar(database) + bell.SUFFIX


def wait_until_in_line(database: str, count: int, patience_s: float = 20) -> None:
    """Wait until `count` writers are in line. Raises StormError where they are not after patience_s."""
    deadline = monotonic() + patience_s
    while True:
        state = line_state(database)
        if state is not None and state.waiting == count:
            return
        if monotonic() > deadline:
            found = "no line" if state is None else f"{state.waiting} in line"
            raise StormError(
                f"{database}: {found} after {patience_s:g} s, not {count}; run it again when the machine has time"
            )
        sleep(0.001)


def is_in_checkpoint(database: str, pid: int) -> bool:
    """Whether process `pid`, which stands still, holds SQLite's checkpoint lock."""
    return (pid, _CHECKPOINT_LOCK) in shm_locks(database)


def join_for_ever(database: str) -> Callable[[], None]:
    """A process that does nothing but join the line and leave it."""
    line = TicketLine(sidecar(database))

    def run() -> None:
        while True:
            line._join(monotonic() + 60)  # noqa: SLF001  the step that is to be hit
            line.give_up()

    return run


class JoinLock:
    """The lock under which places in the line are taken."""

    def __init__(self, database: str) -> None:
        self._locks = ByteLocks(sidecar(database))

    @property
    def held(self) -> bool:
        """Whether a process has it."""
        return not self._locks.is_free(JOIN)

    def close(self) -> None:
        """Give the descriptor back."""
        self._locks.close()


def record_tickets() -> list[int]:
    """From now on, the ticket of each place that this process takes in a line."""
    taken: list[int] = []
    join: Any = TicketLine._join  # noqa: SLF001  nothing public tells it

    def recording(line: TicketLine, deadline: float) -> None:
        join(line, deadline)
        if line._ticket is not None:  # noqa: SLF001  as above
            taken.append(line._ticket)  # noqa: SLF001  as above

    TicketLine._join = recording  # type: ignore[assignment,method-assign]  # noqa: SLF001  as above
    return taken


def record_polls() -> list[tuple[int, int]]:
    """From now on, for each write of this process that meets SQLITE_BUSY, the instants of its first busy BEGIN and of
    the one that succeeds, in monotonic nanoseconds.
    """
    polled_ns: list[tuple[int, int]] = []
    since_ns: list[int] = []
    try_begin: Any = Database._try_begin  # noqa: SLF001  nothing public tells when

    def recording(database: Database) -> bool:
        begun = bool(try_begin(database))
        if begun and since_ns:
            polled_ns.append((since_ns.pop(), monotonic_ns()))
        elif not begun and not since_ns:
            since_ns.append(monotonic_ns())
        return begun

    Database._try_begin = recording  # type: ignore[assignment,method-assign]  # noqa: SLF001  as above
    return polled_ns
