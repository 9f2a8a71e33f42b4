"""The write queue's line as faults and campaigns look at it: all that they know of how the queue is made is here."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, monotonic_ns, sleep
from typing import Any

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.sqlite.admission.queue import bell
from pytest_sessionreg.registry.sqlite.admission.queue import sidecar as sidecar_file
from pytest_sessionreg.registry.sqlite.admission.queue.epoll_line import EpollLine
from pytest_sessionreg.registry.sqlite.admission.queue.kernel_locks import shm_locks
from pytest_sessionreg.registry.sqlite.admission.queue.line import line_state

__all__ = [
    "bell_pipe",
    "is_in_checkpoint",
    "is_in_line",
    "join_for_ever",
    "record_places",
    "sidecar",
    "wait_until_in_line",
]

# WAL_CKPT_LOCK: a byte of the -shm file (https://www.sqlite.org/walformat.html, 2.2).
_CHECKPOINT_LOCK = 121


def sidecar(database: str) -> str:
    """Path of the file that orders the writers."""
    return database + sidecar_file.SUFFIX


def bell_pipe(database: str) -> str:
    """Path of the pipe at which those in line sleep."""
    return database + bell.SUFFIX


def is_in_line(database: str) -> bool:
    """Whether anybody is in line."""
    return _in_line(database) > 0


def wait_until_in_line(database: str, count: int, patience_s: float = 20) -> None:
    """Wait until `count` writers are in line. Raises StormError where they are not after patience_s."""
    deadline = monotonic() + patience_s
    while True:
        waiting = _in_line(database)
        if waiting == count:
            return
        if monotonic() > deadline:
            raise StormError(
                f"{database}: {waiting} in line after {patience_s:g} s, not {count}; "
                "run it again when the machine has time"
            )
        sleep(0.001)


def _in_line(database: str) -> int:
    state = line_state(database)
    return 0 if state is None else len(state.waiters or ())


def is_in_checkpoint(database: str, pid: int) -> bool:
    """Whether process `pid`, which stands still, holds SQLite's checkpoint lock."""
    return (pid, _CHECKPOINT_LOCK) in shm_locks(database)


def join_for_ever(database: str) -> Callable[[], None]:
    """A process that does nothing but join the line and leave it."""
    line = EpollLine(database, 0)

    def run() -> None:
        while True:
            line._take_byte(monotonic_ns())  # noqa: SLF001  the step that is to be hit
            line._quit()  # noqa: SLF001  as above

    return run


def record_places() -> list[int]:
    """From now on, when this process came into a line, for each time that it has to wait; monotonic nanoseconds."""
    taken: list[int] = []
    take: Any = EpollLine._take_byte  # noqa: SLF001  nothing public tells it

    def recording(line: EpollLine, came_ns: int) -> int:
        taken.append(came_ns)
        return int(take(line, came_ns))

    EpollLine._take_byte = recording  # type: ignore[assignment,method-assign]  # noqa: SLF001  as above
    return taken
