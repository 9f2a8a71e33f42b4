"""The line before the write lock, whichever kind this platform has."""

from __future__ import annotations

import os

from . import byte_locks
from .sidecar import SUFFIX, Sidecar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .line_state import LineState

    class Line(Protocol):
        """One writer's way in and out. All of it raises OSError where the sidecar fails; then `close`."""

        def admit(self, begin: Callable[[], bool], patience_ns: int) -> int:
            """Call `begin` in turn until it returns True: how often it was busy. Raises WriteTimeout."""

        def prepare(self) -> None:
            """Load and find what waiting needs. Raises nothing."""

        def keep_out(self) -> None:
            """Before COMMIT: have nobody begin until `leave`, though SQLite's lock is free; for a moment at most."""

        def leave(self) -> None:
            """Let the next one in, after the end of the transaction."""

        def close(self) -> None:
            """Give everything back; a second call does nothing."""


__all__ = ["Line", "line_of", "line_state"]


def line_of(database: str, slice_ns: int) -> Line | None:
    """A way into the line of `database`; None where the platform has no locks that end with their process.

    Raises OSError where the sidecar cannot be had.
    """
    if byte_locks.AVAILABLE:
        from .epoll_line import EpollLine

        return EpollLine(database, slice_ns)
    from . import flock_line

    return flock_line.FlockLine(database) if flock_line.AVAILABLE else None


def line_state(database: str) -> LineState | None:
    """What an onlooker sees of the line of `database`; None where it was never used.

    Raises OSError where the sidecar cannot be had.
    """
    from .line_state import LineState
    from .records import read_seen

    if not os.path.lexists(database + SUFFIX):
        return None
    sidecar = Sidecar(database)
    try:
        if not byte_locks.AVAILABLE:
            from . import flock_line

            held = flock_line.AVAILABLE and flock_line.is_held(sidecar)
            return LineState(waiters=None, seen=read_seen(sidecar.fd, of_any_age=True) if held else None)
        from .records import waiters

        return LineState(waiters=waiters(sidecar), seen=read_seen(sidecar.fd))
    finally:
        sidecar.close()
