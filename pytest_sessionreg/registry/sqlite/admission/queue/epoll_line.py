"""The line before the write lock, where the platform has open-file-description locks (Linux): no lock but SQLite's own.

A writer that finds the lock free takes it, unless it would pass a waiter that may not be passed. The others sleep at
the bell. Each has a byte of the sidecar locked, which tells everybody that it waits and since when. A writer that
leaves rings, and the one that has slept longest tries. All that writers tell each other is hints: SQLite's lock decides
who writes, and a lost ring costs 20 ms. The states, in a drawing, and where the constants come from:
docs/write-queue.md.
"""

from __future__ import annotations

import fcntl
import os
from os import pread, pwrite, sched_yield
from time import monotonic_ns, sleep

from .bell import RING, WATCH, Bell
from .byte_locks import NOBODY, ByteLocks, exclusive, free, question, shared
from .hints import LONGEST_SLICE_NS, ONE, SIZE, SPIN_NS, THREE, TWO, Hints, soon
from .probe import Probe
from .records import say_waiting
from .sidecar import (
    AWAKE_AT,
    HEADER,
    HUNGRY_AT,
    LEASE_AT,
    MAGIC,
    MEMBERS,
    WAITER_COUNT,
    WAITERS,
    WATCHES,
    not_the_queues,
    pid_namespace_inode,
)
from .wait import Wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EpollLine"]

_GETLK = fcntl.F_OFD_GETLK
_ANYBODY = question(WAITERS, WAITER_COUNT)
# All that somebody in line may have locked: the watches, and its own byte.
_PLACE = free(WATCHES, 0)
# A writer that was away for longer comes anew, and passes sleepers if none of them woke in vain. One that comes back
# sooner passes nobody, except within a lease: docs/write-queue.md#passing.
_STRAIGHT_BACK_NS = 1_000_000
# Writers that do not queue poll, SQLite's busy handler every 100 ms at last. Once one was met, each writer that leaves
# keeps the lock free for a quarter of its hold: a fifth of the time, in which 50 looks in 5 s all miss once in 70,000.
_ROOM = 0.25
_MOST_ROOM_S = 0.010
# How often a writer that never waits checks that the queue's files are still those at their paths.
_CHECK_NS = 1_000_000_000
# After a longer hold, or for strict turns, the processor is given up once somebody was woken: the kernel may have
# queued it behind us, though another processor has nothing to do (107 us until it ran, 21 with this; 2 cores).
_LONG_HOLD_NS = 1_000_000


class EpollLine:
    """One connection's way to the write lock of `database`.

    slice_ns: for how long a writer that comes straight back may go on ahead of the line. Raises OSError where the
    sidecar cannot be had, or fails before the lock is held; ESTALE if it is no longer the one at its path.
    """

    __slots__ = (
        "_bell",
        "_checked_ns",
        "_database",
        "_entered_ns",
        "_fd",
        "_file",
        "_held_before_ns",
        "_held_ns",
        "_in_line",
        "_keeps_out",
        "_lease_until_ns",
        "_left_ns",
        "_namespace",
        "_pid",
        "_probe",
        "_room_until_ns",
        "_slice_ns",
        "_straight_back",
    )

    def __init__(self, database: str, slice_ns: int) -> None:
        self._database = database
        self._slice_ns = slice_ns
        self._bell: Bell | None = None
        self._probe = Probe(database)
        self._keeps_out = False
        self._in_line = False  # from before the first trace of us is in the line until after the last is gone
        self._straight_back = False
        self._lease_until_ns = self._left_ns = self._entered_ns = self._held_ns = self._held_before_ns = 0
        self._room_until_ns = 0
        self._pid = os.getpid()
        self._namespace = pid_namespace_inode()
        self._file = ByteLocks(database)
        self._fd = self._file.fd
        self._checked_ns = monotonic_ns()
        self._file.try_lock(shared(MEMBERS + self._pid))

    def prepare(self) -> None:
        """Load and find what waiting needs: the bell, and SQLite's descriptor of the wal-index."""
        self._probe.find()
        (self._bell or self._make_bell()).prepare()

    # -- the way in ----------------------------------------------------------------------------------------------

    def admit(self, begin: Callable[[], bool], patience_ns: int) -> int:
        """Call `begin` until it returns True: how often it was busy. Raises WriteTimeout after `patience_ns`."""
        came_ns = monotonic_ns()
        if self._in_line:
            self._quit()  # what an exception left
        if self._lease_until_ns:
            if came_ns >= self._lease_until_ns:
                self._lease_until_ns = 0  # whoever was first in line was awake then
            elif begin():
                self._entered_ns = came_ns
                return 0
        away_ns = came_ns - self._left_ns
        self._straight_back = away_ns <= _STRAIGHT_BACK_NS
        busy = 0
        if self._may_pass(came_ns) and self._probe.is_free():
            if begin():
                self._entered_ns = came_ns
                if away_ns < self._slice_ns // 2:
                    self._take_lease(came_ns)
                return 0
            busy = 1
        return self._wait(begin, came_ns, away_ns, came_ns + patience_ns, busy)

    def _may_pass(self, now_ns: int) -> bool:
        """Whether we need not go into the line, whoever sleeps in it."""
        if now_ns - self._checked_ns > _CHECK_NS:
            self._check_unmoved()
        words = pread(self._fd, SIZE, 0)
        self._room_until_ns = 0
        if words != HEADER:
            if words[: len(MAGIC)] != MAGIC:
                raise not_the_queues(self._file.path)
            hints = Hints(words.ljust(SIZE, b"\0"), now_ns)
            self._room_until_ns = hints.room_ns
            if hints.hungry_ns or (hints.lease_ns and hints.lease_ns != self._lease_until_ns):
                return False
        return not self._straight_back or fcntl.fcntl(self._fd, _GETLK, _ANYBODY)[:2] == NOBODY

    def _wait(self, begin: Callable[[], bool], came_ns: int, away_ns: int, deadline_ns: int, busy: int) -> int:
        if self._lease_until_ns:
            self._lease_until_ns = 0
            self._call()
        self._probe.find()  # before we are in line: it takes a while where many files are open
        bell = self._bell or self._make_bell()
        wait = None
        self._in_line = True
        try:
            wait = Wait(
                *(self._file, bell, self._probe, begin),
                byte=self._take_byte(came_ns),
                namespace=self._namespace,
                came_ns=came_ns,
                deadline_ns=deadline_ns,
                busy=busy,
            )
            bell.join()
            wait.until_admitted()
        except BaseException:
            try:
                self._quit()
                if wait is not None:
                    wait.forget()
                self._call()
            except OSError:
                pass  # what is told is what ended the wait
            raise
        try:  # noqa: SIM105  contextlib would cost a cold start
            self._go_on(wait, away_ns)
        except OSError:
            pass  # we hold the lock: what the others are told of it may fail
        return wait.busy

    def _take_byte(self, came_ns: int) -> int:
        byte = WAITERS + came_ns
        while not self._file.try_lock(exclusive(byte)):
            byte += 1
        say_waiting(self._fd, byte, self._pid, self._namespace)
        return byte

    def _go_on(self, wait: Wait, away_ns: int) -> None:
        """After BEGIN: have the next ones ready, and somebody who looks."""
        self._entered_ns = now_ns = monotonic_ns()
        self._room_until_ns = wait.room_until_ns
        if away_ns < self._slice_ns // 2:
            self._take_lease(now_ns)
        if self._lease_until_ns:
            self._quit()
            if self._anybody_waits():
                self._ring(RING)  # it is awake when our lease ends
        elif wait.watches:
            self._file.unlock(free(WATCHES, 3))
            if self._anybody_waits() and self._file.is_free(WATCHES, 2):
                # nobody would find out if we were killed now; whoever wakes tries before it sleeps again
                pwrite(self._fd, TWO.pack(0, now_ns + SPIN_NS), HUNGRY_AT)
                self._ring(WATCH)
                return
        if not self._lease_until_ns:
            wait.forget()

    def _take_lease(self, now_ns: int) -> None:
        """For a writer that comes straight back: until when it may, ahead of the line; 0 for not at all.

        Not after two writes that took longer (one may have met a checkpoint): the end of the lease would wake somebody
        in the middle of this one. Nor while room is made, of which there is none within a lease.
        """
        self._lease_until_ns = 0
        if min(self._held_ns, self._held_before_ns) < self._slice_ns and not self._room_until_ns:
            until_ns = now_ns + self._slice_ns
            try:
                if self._in_line:
                    pwrite(self._fd, THREE.pack(0, 0, until_ns), HUNGRY_AT)
                else:
                    pwrite(self._fd, ONE.pack(until_ns), LEASE_AT)
            except OSError:
                return  # we hold the lock: what the others are told of it may fail
            self._lease_until_ns = until_ns

    # -- the way out ---------------------------------------------------------------------------------------------

    def keep_out(self) -> None:
        """Before COMMIT: have nobody begin until `leave`, though SQLite's lock is free, for a moment at most."""
        self._lease_until_ns = 0
        try:
            pwrite(self._fd, ONE.pack(monotonic_ns() + LONGEST_SLICE_NS), LEASE_AT)
            self._keeps_out = True
        except OSError:
            pass  # then somebody begins

    def leave(self) -> None:
        """Let the next one in, after COMMIT or ROLLBACK."""
        now_ns = monotonic_ns()
        if self._keeps_out:
            self._keeps_out = False
            pwrite(self._fd, ONE.pack(0), LEASE_AT)
        self._held_before_ns, self._held_ns = self._held_ns, now_ns - self._entered_ns
        if now_ns < self._room_until_ns:
            sleep(min(self._held_ns / 1e9 * _ROOM, _MOST_ROOM_S))
        if self._in_line:  # before we look who waits: whoever came meanwhile and saw us ahead counts on our call
            self._file.unlock(_PLACE)
        if now_ns >= self._lease_until_ns:
            self._lease_until_ns = 0
            self._call()
        if self._in_line:
            self._quit()
        self._left_ns = monotonic_ns()

    def _call(self) -> None:
        """Wake the next one, unless somebody is awake and trying."""
        if not self._anybody_waits() or soon(pread(self._fd, 8, AWAKE_AT), monotonic_ns()):
            return
        self._ring(RING)
        if self._straight_back or self._held_ns > _LONG_HOLD_NS:
            sched_yield()

    def _anybody_waits(self) -> bool:
        return fcntl.fcntl(self._fd, _GETLK, _ANYBODY)[:2] != NOBODY

    def _ring(self, byte: bytes) -> None:
        (self._bell or self._make_bell()).ring(byte)

    def _quit(self) -> None:
        """Be in line no longer; done again by whoever comes next, if an exception ends it."""
        self._file.unlock(_PLACE)
        if self._bell is not None:
            self._bell.quit()
        self._in_line = False

    def close(self) -> None:
        """Free our place and close the queue's files, which stay."""
        try:
            if self._in_line or self._lease_until_ns:
                self._quit()
                self._call()
        except OSError:
            pass  # closing frees what could not be freed singly
        self._fd = -1
        self._file.close()
        if self._bell is not None:
            self._bell.close()

    # -- the files -----------------------------------------------------------------------------------------------

    def _make_bell(self) -> Bell:
        self._bell = bell = Bell(self._database)
        return bell

    def _check_unmoved(self) -> None:
        self._file.check_unmoved()
        self._checked_ns = monotonic_ns()
        if self._bell is not None and self._bell.moved():
            self._bell.renew()
