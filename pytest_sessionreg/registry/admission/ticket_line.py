"""The line of waiting writers: tickets in a sidecar file, each a locked byte (a CLH queue made of byte locks).

Take the next ticket k and lock byte k; wait until byte k-1 is free: now k is the head of the line, which alone waits
for the byte `inside`. Once inside, free byte k, so that k+1 becomes the head; when done, free `inside` and ring for it.
A process that dies or gives up frees its bytes, and its successor waits for those still ahead. Whoever finds the line
empty needs no ticket. The sidecar only orders writers: SQLite's own lock is the guarantee, and a damaged sidecar costs
order, never a write.
"""

from __future__ import annotations

import os
import struct
from functools import partial
from time import monotonic, monotonic_ns, sleep

from .bell import Bell
from .byte_locks import ByteLocks, exclusive, free
from .line_state import LineState
from .sidecar import INSIDER, INSIDER_AT, LONGEST_SLICE_S, Insider, pid_namespace_inode
from .wait_thread import WaitThread, ready_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .sidecar import Sidecar

__all__ = ["TicketLine"]

# At the start of the file, little endian: the next ticket, and the highest admitted one plus one; then the insider.
_COUNTERS = struct.Struct("<QQ")
_COUNTER = struct.Struct("<Q")
_ADMITTED_AT = 8
_ADMITTED = struct.Struct("<QQQQQ")  # the second counter and the insider, in one write
# Then a ring of who took the tickets (pid, pid namespace), to name whoever blocks the line.
_OWNER = struct.Struct("<QQ")
_OWNERS_AT = 64
_OWNERS = 4096
# Lock offsets, far beyond (a lock needs no byte to exist): one guards joining, one is held by whoever is inside, the
# others are tickets.
_JOIN = 1 << 32
_INSIDE = 1 << 33
_TICKETS = 1 << 40
_ENTER, _LEAVE = exclusive(_INSIDE), free(_INSIDE)
# A counter beyond this is damage: at a million tickets a second it is 30,000 years away.
_LAST_TICKET = 1 << 60
# How many tickets to pass over that are locked although the counter says they are nobody's, before calling it damage.
_SKIPS = 1024
# Joining takes some 10 us: whoever holds it up this long is stopped, and is passed by without a ticket.
_JOIN_PATIENCE_S = 0.5
# With nobody inside, the head of the line enters within a millisecond. Two looks this far apart that see nobody inside
# and no progress mean that it is stopped (SIGSTOP, a debugger): whoever sees that passes it by.
_STALL_S = 0.5
# How often to look where no thread can wait: none can be started, or the last one is stuck behind a stopped process.
_POLL_S = 0.002
# How often a lone writer checks that its sidecar is still the one at the path; whoever takes a ticket always does.
_CHECK_NS = 1_000_000_000
# How often the head of the line looks by itself: whoever is killed inside rings for nobody.
_HEAD_LOOK_S = 0.010


class TicketLine:
    """This process's place in the line of one database, `path` being the sidecar's.

    Raises OSError where the file system refuses the file or its locks.
    """

    __slots__ = (
        "_bell",
        "_checked_ns",
        "_inside",
        "_lease_until_ns",
        "_locks",
        "_namespace",
        "_pid",
        "_thread",
        "_thread_locks",
        "_ticket",
    )

    def __init__(self, path: str) -> None:
        self._thread: WaitThread | None = None
        self._locks = self._thread_locks = ByteLocks(path)
        self._bell: Bell | None = None
        self._inside = False
        self._ticket: int | None = None
        self._lease_until_ns = 0
        self._checked_ns = monotonic_ns()
        self._pid = os.getpid()
        self._namespace = pid_namespace_inode()

    # -- the way in ----------------------------------------------------------------------------------------------

    def enter_at_once(self, now_ns: int) -> bool:
        """Enter without a ticket, inside our lease or because nobody is in line or inside; whether we are inside."""
        locks = self._locks
        if now_ns < self._lease_until_ns:
            self._inside = locks.try_lock(_ENTER)
            return self._inside
        if now_ns - self._checked_ns > _CHECK_NS:
            locks.check_unmoved()
            self._checked_ns = now_ns
        # an empty file is an empty line; after a writer gave up at the end, the next one takes a ticket
        counters = os.pread(locks.fd, 16, 0)
        if counters[:8] == counters[8:] and locks.try_lock(_ENTER):
            self._inside = True
            os.pwrite(locks.fd, INSIDER.pack(self._pid, self._namespace, now_ns, 0), INSIDER_AT)
            return True
        return False

    def enter(self, deadline: float) -> bool:
        """Take a ticket and wait for our turn; False if `deadline` (monotonic seconds) came first: then `give_up`.

        After True, and after BEGIN, comes `admitted`.
        """
        if self._lease_until_ns:
            self._lease_until_ns = 0
            self._call_head()
        self._locks.check_unmoved()
        self._join(deadline)
        if self._ticket is not None and not self._wait_in_line(self._ticket, deadline):
            return False
        return self._inside or self._wait_as_head(deadline)

    def admitted(self, slice_ns: int) -> None:
        """Say that we are inside, and move the line up, so that our successor is ready when we leave.

        slice_ns: for how long from now on `enter_at_once` may let us in ahead of the line (a lease); 0 for not at all.
        """
        now_ns = monotonic_ns()
        self._lease_until_ns = lease_until_ns = now_ns + slice_ns if slice_ns else 0
        locks, ticket = self._locks, self._ticket
        if ticket is None:
            locks.write(INSIDER, INSIDER_AT, self._pid, self._namespace, now_ns, lease_until_ns)
            return
        locks.write(_ADMITTED, _ADMITTED_AT, ticket + 1, self._pid, self._namespace, now_ns, lease_until_ns)
        locks.unlock(free(_TICKETS + ticket))
        self._ticket = None

    # -- the way out ---------------------------------------------------------------------------------------------

    def leave(self, now_ns: int) -> None:
        """Let the next one in, after having entered; now_ns: the monotonic clock."""
        if not self._inside:
            return
        self._inside = False
        locks = self._locks
        locks.unlock(_LEAVE)
        if now_ns < self._lease_until_ns:
            return  # we may come back, and call the head then; should we stay away, it looks by itself
        self._call_head()

    def _call_head(self) -> None:
        counters = os.pread(self._locks.fd, 16, 0)
        if counters[:8] != counters[8:]:
            (self._bell or self._open_bell()).ring()
            # The kernel may queue the one just woken behind us on our processor, though another has nothing to do:
            # measured on 2 cores, 107 us until it ran, 21 with this.
            os.sched_yield()

    def give_up(self) -> None:
        """Leave the line, or the inside, without having been served; those behind us move up."""
        self._lease_until_ns = 0
        self.leave(0)
        if self._ticket is not None:
            self._locks.unlock(free(_TICKETS + self._ticket))
            self._ticket = None

    def close(self) -> None:
        """Free our place, close the sidecar and end the waiting thread; the file stays."""
        try:  # noqa: SIM105  contextlib would cost a cold start
            self.give_up()
        except OSError:
            pass  # closing frees what could not be freed singly
        self._end_thread()
        self._locks.close()
        if self._bell is not None:
            self._bell.close()

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None and not thread.given_up:
            thread.dismiss()

    def __del__(self) -> None:
        self._end_thread()

    # -- what others see -----------------------------------------------------------------------------------------

    def place(self) -> int:
        """How many writers are ahead of us, counting those that died in line, and the one inside."""
        _, admitted = _counters(self._locks)
        ahead = 0 if self._ticket is None else max(self._ticket - admitted, 0)
        return ahead + (not self._locks.is_free(_INSIDE))

    def blocker(self) -> Insider | None:
        """Who keeps us waiting: whoever is inside, else the first in line that lives (since 0: unknown)."""
        locks = self._locks
        if not locks.is_free(_INSIDE):
            return locks.insider()
        upcoming, admitted = _counters(locks)
        ahead = (upcoming if self._ticket is None else self._ticket) - admitted
        held = locks.first_held(_TICKETS + admitted, ahead) if ahead > 0 else None
        if held is None:
            return None
        pid, namespace = locks.read(_OWNER, _OWNERS_AT + (held - _TICKETS) % _OWNERS * _OWNER.size)
        return Insider(pid, namespace, 0, 0) if pid else None

    def state(self) -> LineState:
        """Who is inside and in line, as far as the counters tell: a ticket whose byte is locked has a living owner."""
        locks = self._locks
        upcoming, admitted = _counters(locks)
        first = max(admitted, upcoming - _SKIPS)
        waiting = sum(not locks.is_free(_TICKETS + ticket) for ticket in range(first, upcoming))
        return LineState(held=not locks.is_free(_INSIDE), waiting=waiting, blocker=self.blocker())

    # -- in line -------------------------------------------------------------------------------------------------

    def _join(self, deadline: float) -> None:
        """Take the next ticket; none if `deadline` or a stopped process came in between."""
        locks = self._locks
        until = min(deadline, monotonic() + _JOIN_PATIENCE_S)
        while not locks.try_lock(exclusive(_JOIN)):
            if not self._until_free(_JOIN, 1, until):
                return
        try:
            upcoming, _ = _counters(locks)
            for ticket in range(upcoming, upcoming + _SKIPS):
                if locks.try_lock(exclusive(_TICKETS + ticket)):
                    self._ticket = ticket
                    locks.write(_OWNER, _OWNERS_AT + ticket % _OWNERS * _OWNER.size, self._pid, self._namespace)
                    locks.write(_COUNTER, 0, ticket + 1)
                    return
        finally:
            locks.unlock(free(_JOIN))
        raise OSError(
            f"{locks.path}: {_SKIPS} tickets from {upcoming} on are taken; delete the file, which holds nothing lasting"
        )

    def _wait_in_line(self, ticket: int, deadline: float) -> bool:
        """Wait until nobody is ahead of `ticket`, or whoever is has stopped: then we are inside in their stead."""
        locks = self._locks
        ahead = _TICKETS + ticket - 1, 1
        while True:
            _, admitted = _counters(locks)
            if admitted >= ticket or locks.is_free(_TICKETS, ticket):
                return True
            moved = self._until_free(*ahead, deadline, self._stalled())
            if self._inside or not moved:
                return self._inside
            # Whoever was right ahead was admitted, or else died or gave up: then one request waits for all of them.
            ahead = _TICKETS, ticket

    def _stalled(self) -> Callable[[], bool]:
        """A look at the line, to be taken again and again; true, and then we are inside, once it stands still."""
        locks = self._locks
        seen = -1  # how far the line was when we last saw nobody inside

        def look() -> bool:
            nonlocal seen
            _, admitted = _counters(locks)
            if not locks.is_free(_INSIDE):
                seen = -1
            elif seen != admitted:
                seen = admitted
            else:
                self._inside = locks.try_lock(_ENTER)
            return self._inside

        return look

    def _wait_as_head(self, deadline: float) -> bool:
        """Wait until nobody is inside, or may come back by a lease; and be inside."""
        while (lease_left_ns := self._lease_left_ns()) or not self._locks.try_lock(_ENTER):
            remaining_s = deadline - monotonic()
            if remaining_s <= 0:
                return False
            bell = self._bell or self._open_bell()
            if not bell.wait(min(lease_left_ns / 1e9 or _HEAD_LOOK_S, remaining_s)) and bell.moved():
                bell.close()
                self._bell = None
        self._inside = True
        return True

    def _lease_left_ns(self) -> int:
        """For how long the last one admitted may still come back ahead of the line."""
        insider = self._locks.insider()
        left_ns = 0 if insider is None else insider.lease_until_ns - monotonic_ns()
        return left_ns if 0 < left_ns <= LONGEST_SLICE_S * 1e9 else 0

    def _until_free(self, offset: int, length: int, deadline: float, look: Callable[[], bool] | None = None) -> bool:
        """Wait until nobody else holds any of the bytes; False if `deadline` comes first, or a `look` is true."""
        self._thread = thread = ready_thread(self._thread, self._open_thread_locks)
        wait: Callable[[float], bool] = partial(self._poll_free, offset, length)
        if thread is not None and not thread.given_up and monotonic() < deadline:
            thread.ask(partial(self._thread_locks.wait_free, offset, length))
            wait = thread.granted
        try:
            while True:
                look_at = monotonic() + _STALL_S
                if wait(min(deadline, look_at)):
                    return True
                if look_at >= deadline or (look is not None and look()):
                    return False
        finally:
            if thread is not None:
                thread.give_up()

    def _poll_free(self, offset: int, length: int, until: float) -> bool:
        while not self._locks.is_free(offset, length):
            remaining_s = until - monotonic()
            if remaining_s <= 0:
                return False
            sleep(min(_POLL_S, remaining_s))
        return True

    def _open_thread_locks(self) -> ByteLocks:
        self._thread_locks = ByteLocks(self._locks.path, self._locks)
        return self._thread_locks

    def _open_bell(self) -> Bell:
        self._bell = Bell(self._locks.path)
        return self._bell


def _counters(sidecar: Sidecar) -> tuple[int, int]:
    """The next ticket and the admitted count; of a short or damaged file, what of them can be believed."""
    upcoming, admitted = (number if number <= _LAST_TICKET else 0 for number in sidecar.read(_COUNTERS, 0))
    return max(upcoming, admitted), admitted
