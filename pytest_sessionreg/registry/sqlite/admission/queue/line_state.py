"""What an onlooker sees of a line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Seen, Waiter

__all__ = ["LineState"]


class LineState:
    """waiters: those in line, the first to come first; None where the kernel keeps the line.
    seen: who was just now seen to hold the lock up; None if nobody says so.
    """

    __slots__ = ("seen", "waiters")

    def __init__(self, *, waiters: list[Waiter] | None, seen: Seen | None) -> None:
        self.waiters = waiters
        self.seen = seen
