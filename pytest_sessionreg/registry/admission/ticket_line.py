"""The line of waiting writers: tickets in a sidecar file, each a locked byte (a CLH queue made of byte locks).

Take the next ticket k and lock byte k; wait until byte k-1 is free; when done, unlock byte k. A process that dies or
gives up frees its byte without having completed, so its successor waits for those still ahead. The sidecar only orders
writers: SQLite's own lock is the guarantee, and a damaged sidecar costs order, never a write.
"""

from __future__ import annotations

import os
import struct
import weakref

from .byte_locks import ByteLocks

__all__ = ["SUFFIX", "TicketLine"]

SUFFIX = "-queue"

# The counters at the start of the file, little endian: the next ticket, and the highest completed one plus one.
_COUNTERS = struct.Struct("<QQ")
_COUNTER = struct.Struct("<Q")
# Lock offsets, far beyond the counters (a lock needs no byte to exist): one guards joining, the others are tickets.
_JOIN = 1 << 32
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
        """Wait until nobody is ahead; False if `deadline` came first."""
        locks = self._current()
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
        """How many writers are ahead, counting those that died in line."""
        return max(self.ticket - self._counters()[1], 0)

    def complete(self) -> None:
        """Pass on: mark this ticket as done and free its byte."""
        locks = self._current()
        os.pwrite(locks.fd, _COUNTER.pack(self.ticket + 1), _COUNTER.size)
        locks.unlock(_TICKETS + self.ticket)

    def abandon(self) -> None:
        """Leave the line without having been served."""
        self._current().unlock(_TICKETS + self.ticket)

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


def _after_fork_in_child() -> None:
    for line in list(_open_lines):
        line._forget()  # noqa: SLF001  the hook belongs to the class


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
