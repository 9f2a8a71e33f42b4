"""The line of waiting writers: tickets in a sidecar file, each a locked byte (a CLH queue made of byte locks).

Take the next ticket k and lock byte k; wait until byte k-1 is free: now k is the head of the line, which alone waits
for the byte `inside`. Once inside, free byte k, so that k+1 becomes the head; when done, free `inside` and ring for it.
A process that dies or gives up frees its bytes, and its successor waits for those still ahead. A writer that finds the
line empty needs no ticket. The sidecar only orders writers: SQLite's own lock is the guarantee, and a damaged sidecar
costs order, never a write. The states in a drawing: docs/write-queue.md#states.
"""

from __future__ import annotations

import os
from time import monotonic, monotonic_ns, sleep

from .bell import Bell
from .byte_locks import exclusive, free
from .byte_waits import ByteWaits
from .line_state import LineState
from .sidecar import INSIDER, INSIDER_AT, Insider, pid_namespace_inode
from .stall import Stall
from .ticket_file import ENTER, HEADER_BYTES, INSIDE, JOIN, LEAVE, ROOM_NS, TicketFile, room_until_ns

__all__ = ["TicketLine"]

# Joining takes some 10 us: a process that holds it up this long is stopped, and is passed by without a ticket.
_JOIN_PATIENCE_S = 0.5
# Writers that do not queue poll, SQLite's busy handler every 100 ms at last, and between two writers of the line they
# find the lock free for a tenth of a millisecond. Once one was met, the line leaves it free for a quarter of each hold:
# a fifth of the time, in which 50 looks in 5 s all miss once in 70,000.
_ROOM = 0.25
_MOST_ROOM_S = 0.010
# How often a lone writer checks that its sidecar is still the one at the path; one that takes a ticket always does.
_CHECK_NS = 1_000_000_000
# How often the head of the line looks by itself: a writer that is killed inside rings for nobody.
_HEAD_LOOK_S = 0.020


class TicketLine:
    """This process's place in the line of one database, `path` being the sidecar's.

    Raises OSError where the file system refuses the file or its locks.
    """

    __slots__ = (
        "_bell",
        "_checked_ns",
        "_entered_ns",
        "_file",
        "_held_before_ns",
        "_held_ns",
        "_inside",
        "_lease_until_ns",
        "_namespace",
        "_pid",
        "_room_until_ns",
        "_ticket",
        "_waits",
    )

    def __init__(self, path: str) -> None:
        self._file = TicketFile(path)
        self._waits = ByteWaits(self._file)
        self._bell: Bell | None = None
        self._inside = False
        self._ticket: int | None = None
        self._lease_until_ns = 0
        self._checked_ns = monotonic_ns()
        self._entered_ns = 0
        self._held_ns = self._held_before_ns = 0
        self._room_until_ns = 0
        self._pid = os.getpid()
        self._namespace = pid_namespace_inode()

    # -- the way in ----------------------------------------------------------------------------------------------

    def enter_at_once(self, now_ns: int, slice_ns: int) -> bool:
        """Enter without a ticket, inside our lease or because nobody is in line or inside; whether we are inside.

        slice_ns: as for `admitted`. There is no lease while room is to be made either: `leave` makes none within one,
        and a writer that is alone has no hand-overs, in which a line leaves the lock free.
        """
        file = self._file
        if now_ns < self._lease_until_ns:
            self._inside = file.try_lock(ENTER)
            self._entered_ns = now_ns
            return self._inside
        if now_ns - self._checked_ns > _CHECK_NS:
            file.check_unmoved()
            self._checked_ns = now_ns
        # an empty file is an empty line; after a writer gave up at the end, the next one takes a ticket
        header = os.pread(file.fd, HEADER_BYTES, 0)
        if header[:8] == header[8:16] and file.try_lock(ENTER):
            self._inside = True
            self._say_inside(now_ns, slice_ns if slice_ns and room_until_ns(header) <= now_ns else 0)
            return True
        return False

    def enter(self, deadline: float) -> bool:
        """Take a ticket and wait for our turn; False if `deadline` (monotonic seconds) came first: then `give_up`.

        After True, and after BEGIN, comes `admitted`.
        """
        if self._lease_until_ns:
            self._lease_until_ns = 0
            self._call_head()
        self._file.check_unmoved()
        self._join(deadline)
        _load_what_a_timeout_says()
        if self._ticket is not None and not self._wait_in_line(self._ticket, deadline):
            return False
        return self._inside or self._wait_as_head(deadline)

    def admitted(self, slice_ns: int) -> None:
        """Say that we are inside, and move the line up, so that our successor is ready when we leave.

        slice_ns: for how long from now on `enter_at_once` may let us in ahead of the line (a lease); 0 for not at all.
        There is none either if our last two writes took longer than that (one may have met a checkpoint): its end would
        wake the head in the middle of this one.
        """
        file, ticket = self._file, self._ticket
        if ticket is None:
            self._say_inside(monotonic_ns(), slice_ns)
            return
        now_ns = monotonic_ns()
        file.admit(ticket, Insider(self._pid, self._namespace, now_ns, self._lease(now_ns, slice_ns)))
        self._ticket = None

    def _say_inside(self, now_ns: int, slice_ns: int) -> None:
        os.pwrite(
            self._file.fd,
            INSIDER.pack(self._pid, self._namespace, now_ns, self._lease(now_ns, slice_ns)),
            INSIDER_AT,
        )

    def _lease(self, now_ns: int, slice_ns: int) -> int:
        """Hold from now on; until when `enter_at_once` may let us in ahead of the line, 0 for never."""
        self._entered_ns = now_ns
        brief = slice_ns and min(self._held_ns, self._held_before_ns) < slice_ns
        self._lease_until_ns = lease_until_ns = now_ns + slice_ns if brief else 0
        return lease_until_ns

    # -- the way out ---------------------------------------------------------------------------------------------

    def leave(self, now_ns: int) -> None:
        """Let the next one in, after having entered; now_ns: the monotonic clock."""
        if not self._inside:
            return
        self._held_before_ns, self._held_ns = self._held_ns, now_ns - self._entered_ns
        if now_ns < self._lease_until_ns:  # we may come back, and call the head then; if not, it looks by itself
            self._inside = False
            self._file.unlock(LEAVE)
            return
        if now_ns < self._room_until_ns:
            sleep(min(self._held_ns / 1e9 * _ROOM, _MOST_ROOM_S))
        self._inside = False
        self._file.unlock(LEAVE)
        self._lease_until_ns = 0
        self._call_head()

    def make_room(self) -> None:
        """Have the line leave SQLite's lock free now and then: a writer was met that does not queue."""
        now_ns = monotonic_ns()
        if self._room_until_ns - now_ns < ROOM_NS / 2:
            self._room_until_ns = now_ns + ROOM_NS
            self._file.ask_for_room(self._room_until_ns)

    def _call_head(self) -> None:
        header = os.pread(self._file.fd, HEADER_BYTES, 0)
        self._room_until_ns = room_until_ns(header)
        if header[:8] != header[8:16]:
            (self._bell or self._open_bell()).ring()
            # The kernel may queue the one just woken behind us on our processor, though another has nothing to do:
            # measured on 2 cores, 107 us until it ran, 21 with this.
            os.sched_yield()

    def give_up(self) -> None:
        """Leave the line, or the inside, without having been served; those behind us move up."""
        self._lease_until_ns = 0
        if self._inside:
            self._inside = False
            self._file.unlock(LEAVE)
            self._call_head()
        if self._ticket is not None:
            self._file.free_ticket(self._ticket)
            self._ticket = None

    def close(self) -> None:
        """Free our place, close the sidecar and end the waiting thread; the file stays."""
        try:  # noqa: SIM105  contextlib would cost a cold start
            self.give_up()
        except OSError:
            pass  # closing frees what could not be freed singly
        self._waits.close()
        self._file.close()
        if self._bell is not None:
            self._bell.close()

    # -- what others see -----------------------------------------------------------------------------------------

    def place(self) -> int:
        """How many writers are ahead of us, counting those that died in line, and the one inside."""
        _, admitted = self._file.counters()
        ahead = 0 if self._ticket is None else max(self._ticket - admitted, 0)
        return ahead + (not self._file.is_free(INSIDE))

    def blocker(self) -> Insider | None:
        """Who keeps us waiting: the writer inside, else the first in line that lives (since 0: unknown)."""
        file = self._file
        if not file.is_free(INSIDE):
            return file.insider()
        upcoming, admitted = file.counters()
        return next(file.owners(admitted, upcoming if self._ticket is None else self._ticket), None)

    def state(self) -> LineState:
        """Who is inside and in line, as far as the counters tell: a ticket whose byte is locked has a living owner."""
        file = self._file
        held = not file.is_free(INSIDE)
        return LineState(held=held, waiting=file.living(*file.counters()), blocker=self.blocker())

    # -- in line -------------------------------------------------------------------------------------------------

    def _join(self, deadline: float) -> None:
        """Take the next ticket; none if `deadline` or a stopped process came in between."""
        file = self._file
        until = min(deadline, monotonic() + _JOIN_PATIENCE_S)
        while not file.try_lock(exclusive(JOIN)):
            if not self._waits.until_free(JOIN, 1, until):
                return
        try:
            self._ticket = file.take_ticket(self._pid, self._namespace)
        finally:
            file.unlock(free(JOIN))

    def _wait_in_line(self, ticket: int, deadline: float) -> bool:
        """Wait until nobody is ahead of `ticket`, or those ahead have stopped: then we are inside instead."""
        file = self._file
        ahead = file.right_ahead_of(ticket)
        while True:
            _, admitted = file.counters()
            if admitted >= ticket or file.is_free(*file.ahead_of(ticket)):
                return True
            stall = Stall(file, ticket, ticket - admitted, self._namespace)
            moved = self._waits.until_free(*ahead, deadline, look=stall.look, look_s=stall.look_s)
            self._inside = stall.passed_by
            if self._inside or not moved:
                return self._inside
            # The one right ahead was admitted, or else died or gave up: then one request waits for all of them.
            ahead = file.ahead_of(ticket)

    def _wait_as_head(self, deadline: float) -> bool:
        """Wait until nobody is inside, or may come back by a lease; and be inside."""
        file = self._file
        while (lease_left_ns := file.lease_left_ns()) or not file.try_lock(ENTER):
            remaining_s = deadline - monotonic()
            if remaining_s <= 0:
                return False
            bell = self._bell or self._open_bell()
            if not bell.wait(min(lease_left_ns / 1e9 or _HEAD_LOOK_S, remaining_s)) and bell.moved():
                bell.close()
                self._bell = None
        self._inside = True
        return True

    def _open_bell(self) -> Bell:
        self._bell = Bell(self._file.path)
        return self._bell


def _load_what_a_timeout_says() -> None:
    """Now that we have our place, for a timeout must not come late."""
    try:  # noqa: SIM105  contextlib would cost a cold start
        from . import lock_holder  # noqa: F401
    except (ImportError, OSError):
        pass  # no descriptor is left to read it with
