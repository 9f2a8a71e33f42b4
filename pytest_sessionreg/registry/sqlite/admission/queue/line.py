"""The line before the write lock, whichever kind this platform has."""

from __future__ import annotations

import os

from . import byte_locks, flock_line
from .sidecar import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from .line_state import LineState
    from .sidecar import Insider

    class Line(Protocol):
        """One writer's way in and out; see TicketLine. All of it raises OSError where the sidecar fails."""

        def enter_at_once(self, now_ns: int, slice_ns: int) -> bool:
            """Enter unless that would mean to wait, or to go ahead of others; whether we are inside now.

            slice_ns: for how long from now on we may come back ahead of the line.
            """

        def enter(self, deadline: float) -> bool:
            """Wait for our turn; False if `deadline` (monotonic seconds) came first."""

        def admitted(self, slice_ns: int) -> None:
            """After `enter`, and BEGIN: move the line up."""

        def make_room(self) -> None:
            """A writer was met that does not queue: leave it some room."""

        def leave(self, now_ns: int) -> None:
            """Let the next one in."""

        def give_up(self) -> None:
            """Leave the line, or the inside, without having been served."""

        def place(self) -> int | None:
            """How many writers are ahead; None where that cannot be known."""

        def blocker(self) -> Insider | None:
            """Who keeps us waiting."""

        def state(self) -> LineState:
            """What an onlooker sees."""

        def close(self) -> None:
            """Give everything back."""


__all__ = ["Line", "line_of", "line_state"]


def line_of(database: str) -> Line | None:
    """A place in the line of `database`; None where the platform has no locks that end with their process.

    Raises OSError where the sidecar cannot be opened.
    """
    if byte_locks.AVAILABLE:
        from .ticket_line import TicketLine

        return TicketLine(database + SUFFIX)
    return flock_line.FlockLine(database + SUFFIX) if flock_line.AVAILABLE else None


def line_state(database: str) -> LineState | None:
    """The state of the line of `database`, without joining it; None where there is none."""
    if not os.path.isfile(database + SUFFIX):
        return None
    line = line_of(database)
    if line is None:
        return None
    try:
        return line.state()
    finally:
        line.close()
