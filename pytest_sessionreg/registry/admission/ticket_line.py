"""The line of waiting writers: tickets in a sidecar file, each a locked byte (a CLH queue made of byte locks).

Take the next ticket k and lock byte k; wait until byte k-1 is free; when done, unlock byte k. A process that dies or
gives up frees its byte without having completed, so its successor waits for those still ahead. Whoever finds the line
empty needs no ticket: the byte `inside` keeps such a one and the head of the line apart. The sidecar only orders
writers: SQLite's own lock is the guarantee, and a damaged sidecar costs order, never a write.
"""

from __future__ import annotations

import os
import struct
import weakref

from .byte_locks import AVAILABLE, ByteLocks

__all__ = ["SUFFIX", "LineState", "TicketLine", "line_state"]

SUFFIX = "-queue"

# The counters at the start of the file, little endian: the next ticket, and the highest completed one plus one.
_COUNTERS = struct.Struct("<QQ")
_COUNTER = struct.Struct("<Q")
# Lock offsets, far beyond the counters (a lock needs no byte to exist): one guards joining, one is held by whoever has
# been admitted, the others are tickets.
_JOIN = 1 << 32
_INSIDE = 1 << 33
_TICKETS = 1 << 40
# A counter beyond this is damage: at a million tickets a second it is 30,000 years away.
_LAST_TICKET = 1 << 60
# How many tickets to pass over that are locked although the counter says they are nobody's, before calling it damage.
_SKIPS = 1024

_open_lines: weakref.WeakSet[TicketLine] = weakref.WeakSet()


class TicketLine:
    """This process's place in the line of one database, `path` being the sidecar's."""

    __slots__ = ("__weakref__", "_locks", "_path", "ticket")

    def __init__(self, path: str) -> None:
        self._path = path
        self._locks: ByteLocks | None = ByteLocks(path)
        self.ticket = 0
        _open_lines.add(self)

    def enter_alone(self) -> bool:
        """Enter without a ticket, if nobody is in line and nobody inside; whether we are inside now."""
        locks = self._current()
        data = os.pread(locks.fd, _COUNTERS.size, 0)
        # an empty file is an empty line; after a writer gave up at the end, the next one takes a ticket, which mends it
        return (not data or data[:8] == data[8:]) and locks.try_exclusive(_INSIDE)

    def leave_alone(self) -> None:
        """Leave after `enter_alone`."""
        self._current().unlock(_INSIDE)

    def join(self, deadline: float) -> bool:
        """Take the next ticket; False if `deadline` came first. Raises OSError where the file system refuses locks."""
        locks = self._current()
        while not locks.try_exclusive(_JOIN):
            if not locks.until_free(_JOIN, 1, deadline):
                return False
        try:
            ticket, _ = self._counters()
            for candidate in range(ticket, ticket + _SKIPS):
                if locks.try_exclusive(_TICKETS + candidate):
                    self.ticket = candidate
                    os.pwrite(locks.fd, _COUNTER.pack(candidate + 1), 0)
                    return True
        finally:
            locks.unlock(_JOIN)
        raise OSError(
            f"{self._path}: {_SKIPS} tickets from {ticket} on are taken; delete the file, which holds nothing lasting"
        )

    def wait(self, deadline: float) -> bool:
        """Wait until nobody is ahead or inside, and be inside; False if `deadline` came first."""
        locks = self._current()
        if not self._wait_for_those_ahead(locks, deadline):
            return False
        while not locks.try_exclusive(_INSIDE):
            if not locks.until_free(_INSIDE, 1, deadline):
                return False
        return True

    def _wait_for_those_ahead(self, locks: ByteLocks, deadline: float) -> bool:
        ticket = self.ticket
        _, completed = self._counters()
        if completed >= ticket:
            return True
        if not locks.until_free(_TICKETS + ticket - 1, 1, deadline):
            return False
        _, completed = self._counters()
        if completed >= ticket:
            return True
        # Whoever was right ahead died or gave up; wait for all that are left, which one request does without a race.
        return locks.until_free(_TICKETS, ticket, deadline)

    def place(self) -> int:
        """How many writers are ahead, counting those that died in line, and at least the one inside."""
        inside = not self._current().is_free(_INSIDE)
        return max(self.ticket - self._counters()[1], int(inside))

    def state(self) -> LineState:
        """Who is inside and in line, as far as the counters tell: a ticket whose byte is locked has a live owner."""
        locks = self._current()
        upcoming, completed = self._counters()
        first = max(completed, upcoming - _SKIPS)
        alive = sum(not locks.is_free(_TICKETS + ticket) for ticket in range(first, upcoming))
        held = not locks.is_free(_INSIDE)
        return LineState(held=held, waiting=alive)

    def complete(self) -> None:
        """Leave, and pass on: mark this ticket as done and free its byte."""
        locks = self._current()
        locks.unlock(_INSIDE)
        os.pwrite(locks.fd, _COUNTER.pack(self.ticket + 1), _COUNTER.size)
        locks.unlock(_TICKETS + self.ticket)

    def abandon(self) -> None:
        """Leave the line without having been served, from inside or not."""
        locks = self._current()
        locks.unlock(_INSIDE)
        locks.unlock(_TICKETS + self.ticket)

    def close(self) -> None:
        """Close the sidecar; it stays on disk, because deleting it would split the line."""
        if self._locks is not None:
            self._locks.close()
            self._locks = None

    def _current(self) -> ByteLocks:
        if self._locks is None:
            self._locks = ByteLocks(self._path)
        return self._locks

    def _counters(self) -> tuple[int, int]:
        """The next ticket and the completed count; a short or damaged file yields what of it can be believed."""
        data = os.pread(self._current().fd, _COUNTERS.size, 0)
        if len(data) < _COUNTERS.size:
            data = data.ljust(_COUNTERS.size, b"\0")
        ticket, completed = (counter if counter <= _LAST_TICKET else 0 for counter in _COUNTERS.unpack(data))
        return max(ticket, completed), completed

    def _forget(self) -> None:
        if self._locks is not None:
            self._locks.forget()
            self._locks = None


class LineState:
    """What an onlooker sees of a line: whether a writer is inside, and how many wait behind it."""

    __slots__ = ("held", "waiting")

    def __init__(self, *, held: bool, waiting: int) -> None:
        self.held = held
        self.waiting = waiting


def line_state(path: str) -> LineState | None:
    """The state of the line whose sidecar is `path`, without joining it; None where there is none, or no such locks."""
    if not AVAILABLE or not os.path.isfile(path):
        return None
    line = TicketLine(path)
    try:
        return line.state()
    finally:
        line.close()


def _after_fork_in_child() -> None:
    for line in list(_open_lines):
        line._forget()  # noqa: SLF001  the hook belongs to the class


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
