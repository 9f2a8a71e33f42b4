"""A line that stands still because the next writer has stopped (SIGSTOP, a debugger), and passing it by."""

from __future__ import annotations

from .ticket_file import ENTER, INSIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .sidecar import Insider
    from .ticket_file import TicketFile

__all__ = ["Stall"]

# How far apart the looks of those are who have few others ahead of them. All the rest look for the first time while a
# patience of 5 s, the default, is not over, and then after twice as long each time. A look of a process that slept
# costs some 100 us, and 256 of them twice a second would take a twentieth of a core.
_LOOK_S = 0.5
_FEW = 8
_FIRST_FAR_LOOK_S = 3.0


class Stall:
    """The looks of the owner of `ticket`, who has `ahead` others before him, at the line.

    With nobody inside, the head of the line enters within a millisecond. A waiter that sees in two looks that nobody is
    inside and nothing moves, and that all who are ahead are stopped, enters instead: then `passed_by` is true.
    look_s: in how many seconds to look.
    """

    __slots__ = ("_file", "_namespace", "_seen", "_ticket", "look_s", "passed_by")

    def __init__(self, file: TicketFile, ticket: int, ahead: int, namespace: int) -> None:
        self._file = file
        self._ticket = ticket
        self._namespace = namespace
        self._seen = -1  # how far the line was when we last saw nobody inside
        self.look_s = _LOOK_S if ahead <= _FEW else _FIRST_FAR_LOOK_S
        self.passed_by = False

    def look(self) -> float:
        """In how many seconds to look again; 0 once we are inside."""
        file = self._file
        _, admitted = file.counters()
        self.look_s = _LOOK_S if self._ticket - admitted <= _FEW else 2 * self.look_s
        if not file.is_free(INSIDE):
            self._seen = -1
            return self.look_s
        if self._seen != admitted:
            self._seen = admitted
        elif all(_is_stopped(owner, self._namespace) for owner in file.owners(admitted, self._ticket)):
            self.passed_by = file.try_lock(ENTER)
        return 0.0 if self.passed_by else _LOOK_S


def _is_stopped(owner: Insider, namespace: int) -> bool:
    """Whether the owner of a ticket is stopped, as far as can be known from here."""
    if owner.namespace != namespace:
        return True
    from ....holder import holder

    return holder(owner.pid).state != "alive"
