"""The sidecar of a ticket line: what lies where in it, and which byte is locked by whom.

Numbers are little endian. What a short or damaged file says is believed as far as it can be: it orders writers, and
keeps nobody out.
"""

from __future__ import annotations

import struct
from time import monotonic_ns

from .byte_locks import ByteLocks, exclusive, free
from .sidecar import LONGEST_SLICE_S, Insider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ENTER", "HEADER_BYTES", "INSIDE", "JOIN", "LEAVE", "ROOM_NS", "TicketFile", "room_until_ns"]

# At the start the next ticket, and the highest admitted one plus one; then the insider (sidecar.py).
_COUNTERS = struct.Struct("<QQ")
_COUNTER = struct.Struct("<Q")
_ADMITTED_AT = 8
_ADMITTED = struct.Struct("<QQQQQ")  # the second counter and the insider, in one write
# Until when to make room for writers that do not queue (monotonic ns), because one was met.
_ROOM_AT = 48
HEADER_BYTES = 56
_NO_ROOM = bytes(8)
# For how long room is made after such a meeting; a field that asks for longer is damage.
ROOM_NS = 2_000_000_000
# Then a ring of who took the tickets (pid, pid namespace), to name the one that blocks the line.
_OWNER = struct.Struct("<QQ")
_OWNERS_AT = 64
_OWNERS = 4096
# Lock offsets, far beyond (a lock needs no byte to exist): one guards joining, one is held by the writer inside, the
# others are tickets.
JOIN = 1 << 32
INSIDE = 1 << 33
_TICKETS = 1 << 40
ENTER, LEAVE = exclusive(INSIDE), free(INSIDE)
# A counter beyond this is damage: at a million tickets a second it is 30,000 years away.
_LAST_TICKET = 1 << 60
# How many tickets to pass over that are locked although the counter says they are nobody's, before calling it damage.
_SKIPS = 1024


class TicketFile(ByteLocks):
    """One open file description of the sidecar of a ticket line."""

    __slots__ = ()

    def counters(self) -> tuple[int, int]:
        """The next ticket and the admitted count."""
        upcoming, admitted = (number if number <= _LAST_TICKET else 0 for number in self.read(_COUNTERS, 0))
        return max(upcoming, admitted), admitted

    def take_ticket(self, pid: int, namespace: int) -> int:
        """Lock the next ticket's byte, and say whose it is; to be called while JOIN is held."""
        upcoming, _ = self.counters()
        for ticket in range(upcoming, upcoming + _SKIPS):
            if self.try_lock(exclusive(_TICKETS + ticket)):
                self.write(_OWNER, _OWNERS_AT + ticket % _OWNERS * _OWNER.size, pid, namespace)
                self.write(_COUNTER, 0, ticket + 1)
                return ticket
        raise OSError(
            f"{self.path}: {_SKIPS} tickets from {upcoming} on are taken; delete the file, which holds nothing lasting"
        )

    def free_ticket(self, ticket: int) -> None:
        """Free the ticket's byte: its successor is the head of the line, or waits for those still ahead."""
        self.unlock(free(_TICKETS + ticket))

    def admit(self, ticket: int, insider: Insider) -> None:
        """Say that `ticket` is inside, which moves the line up."""
        self.write(
            _ADMITTED,
            _ADMITTED_AT,
            ticket + 1,
            insider.pid,
            insider.namespace,
            insider.since_ns,
            insider.lease_until_ns,
        )
        self.free_ticket(ticket)

    def ahead_of(self, ticket: int) -> tuple[int, int]:
        """The bytes of all tickets before `ticket`: the first, and how many."""
        return _TICKETS, ticket

    def right_ahead_of(self, ticket: int) -> tuple[int, int]:
        """The byte of the ticket right before `ticket`."""
        return _TICKETS + ticket - 1, 1

    def owners(self, admitted: int, ticket: int) -> Iterator[Insider]:
        """Who has a living ticket from `admitted` on and before `ticket`, in order; since 0, for that is not known."""
        for number in range(max(admitted, ticket - _SKIPS), ticket):
            if not self.is_free(_TICKETS + number):
                pid, namespace = self.read(_OWNER, _OWNERS_AT + number % _OWNERS * _OWNER.size)
                yield Insider(pid, namespace, 0, 0)

    def living(self, upcoming: int, admitted: int) -> int:
        """How many tickets from `admitted` on and before `upcoming` have a living owner."""
        first = max(admitted, upcoming - _SKIPS)
        return sum(not self.is_free(_TICKETS + ticket) for ticket in range(first, upcoming))

    def lease_left_ns(self) -> int:
        """For how long the last one admitted may still come back ahead of the line."""
        insider = self.insider()
        left_ns = 0 if insider is None else insider.lease_until_ns - monotonic_ns()
        return left_ns if 0 < left_ns <= LONGEST_SLICE_S * 1e9 else 0

    def ask_for_room(self, until_ns: int) -> None:
        """Tell everybody in line to make room for writers that do not queue."""
        self.write(_COUNTER, _ROOM_AT, until_ns)


def room_until_ns(header: bytes) -> int:
    """Until when to make room, as the first HEADER_BYTES of the file say; 0 for not at all."""
    field = header[_ROOM_AT:]
    if field == _NO_ROOM or not field:
        return 0
    until_ns = int.from_bytes(field, "little")
    return until_ns if until_ns - monotonic_ns() <= ROOM_NS else 0
