"""One writer's wait in line: from its place to the BEGIN that succeeds, or to the end of its patience."""

from __future__ import annotations

from os import pread, pwrite, sched_yield
from time import monotonic_ns, sleep

from .bell import WATCH, Bell
from .byte_locks import ByteLocks, exclusive, free, held_at_all, lock_in
from .hints import HUNGRY_NS, ONE, ROOM_NS, SIZE, SPIN_NS, TWO, Hints
from .probe import Probe
from .records import Seen, read_seen, waiters, write_seen
from .sidecar import AWAKE_AT, HUNGRY_AT, MEMBERS, ROOM_AT, WAITERS, WATCHES
from .timeout import timed_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Wait"]

# In line, two look by themselves every 20 ms, for whoever held the lock may have been killed, and then nobody rings:
# the watch. One more does so rarely, should both have been stopped or killed, and all others look once after as long,
# and then even more rarely: a look costs some 100 us of a processor.
_WATCH = [(exclusive(WATCHES), 0.020), (exclusive(WATCHES + 1), 0.020), (exclusive(WATCHES + 2), 0.5)]
_RESERVE = free(WATCHES + 2)
_FIRST_LOOK_S, _FAR_LOOK_S = 0.5, 3.0
# A sleep ends so much too late, at most: the last part of somebody's lease is spent awake.
_LATE_NS = 60_000
_LONG_LEASE_NS = 2_000_000


class Wait:
    """The wait of the writer that came at `came_ns` and has `byte` locked; it is registered at `bell`.

    busy: how many BEGIN were. watches: whether it is one of those that look.
    """

    __slots__ = (
        "_begin",
        "_bell",
        "_byte",
        "_came_ns",
        "_deadline_ns",
        "_fd",
        "_file",
        "_hungry_until_ns",
        "_look_s",
        "_met",
        "_namespace",
        "_probe",
        "_seen",
        "busy",
        "room_until_ns",
        "watches",
    )

    def __init__(
        self,
        file: ByteLocks,
        bell: Bell,
        probe: Probe,
        begin: Callable[[], bool],
        *,
        byte: int,
        namespace: int,
        came_ns: int,
        deadline_ns: int,
        busy: int,
    ) -> None:
        self._file, self._fd, self._bell, self._probe, self._begin = file, file.fd, bell, probe, begin
        self._byte, self._namespace, self._came_ns, self._deadline_ns = byte, namespace, came_ns, deadline_ns
        self._look_s = _FIRST_LOOK_S
        self._hungry_until_ns = 0
        self._met = False
        self._seen: Seen | None = None
        self.busy = busy
        self.watches = False
        self.room_until_ns = 0

    def until_admitted(self) -> None:
        """Return after the BEGIN that succeeded. Raises WriteTimeout."""
        # whoever left before it could see us does not ring, and whoever is ahead of us does as it leaves
        tries = own_look = lock_in(self._fd, WAITERS, self._byte - WAITERS) is None
        while not (tries and self._try(own_look=own_look)):
            left_ns = self._deadline_ns - monotonic_ns()
            if left_ns <= 0:
                if self._begins():  # whatever the probe says
                    return
                raise self._timed_out()
            self._take_watch()
            rung = self._bell.sleep(min(self._look_s, left_ns / 1e9))
            own_look = rung is None
            if own_look:
                self._look()
            else:
                self._seen = None  # whoever held the lock has left
            if rung == WATCH:
                self._take_watch(called=True)
                # we were said to be awake, so that whoever leaves does not ring: no longer, from before we try
                pwrite(self._fd, ONE.pack(0), AWAKE_AT)
                own_look = True
            tries = True

    def forget(self) -> None:
        """Take our words out of the hints."""
        if self._hungry_until_ns:
            self._hungry_until_ns = 0
            pwrite(self._fd, TWO.pack(0, 0), HUNGRY_AT)

    # -- trying --------------------------------------------------------------------------------------------------

    def _try(self, *, own_look: bool) -> bool:
        now_ns = monotonic_ns()
        hints = Hints(pread(self._fd, SIZE, 0).ljust(SIZE, b"\0"), now_ns)
        self.room_until_ns = hints.room_ns
        if hints.lease_ns:
            # somebody may come back until then; one in line is awake when it ends, and the others need not be
            waits_for_it = self._hungry_until_ns or not hints.hungry_ns
            return bool(waits_for_it) and self._try_after(hints.lease_ns)
        if self._begins_if_free():
            return True
        if hints.hungry_ns and hints.hungry_ns != self._hungry_until_ns:
            return False
        self._make_room_for_others(now_ns)
        return not own_look and self._try_again(now_ns)

    def _try_again(self, now_ns: int) -> bool:
        """Woken in vain: keep newcomers from passing, and try for a while."""
        self._hungry_until_ns = now_ns + HUNGRY_NS
        if self.room_until_ns:  # whoever leaves keeps the lock free for a while, which is not for us
            pwrite(self._fd, ONE.pack(self._hungry_until_ns), HUNGRY_AT)
            return False
        end_ns = now_ns + SPIN_NS
        pwrite(self._fd, TWO.pack(self._hungry_until_ns, end_ns), HUNGRY_AT)
        return self._spin(end_ns)

    def _try_after(self, lease_ns: int) -> bool:
        """Be awake when somebody's lease ends, for nobody rings then."""
        self._hungry_until_ns = lease_ns + HUNGRY_NS
        end_ns = lease_ns + SPIN_NS
        pwrite(self._fd, TWO.pack(self._hungry_until_ns, end_ns), HUNGRY_AT)
        until_ns = min(lease_ns, self._deadline_ns)
        left_ns = until_ns - monotonic_ns() - _LATE_NS
        if left_ns > _LONG_LEASE_NS:  # poll(2) counts in milliseconds
            if self._bell.sleep((left_ns - _LONG_LEASE_NS) / 1e9) is not None:
                pwrite(self._fd, ONE.pack(0), AWAKE_AT)
                return self._begins_if_free()  # it has left for good
            left_ns = until_ns - monotonic_ns() - _LATE_NS
        sleep(max(left_ns, 1000) / 1e9)
        while monotonic_ns() < until_ns:
            sched_yield()
        return self._spin(min(end_ns, self._deadline_ns))

    def _spin(self, end_ns: int) -> bool:
        """Try until `end_ns`, and once after it: whoever leaves before then does not ring."""
        while not self._begins_if_free():
            if monotonic_ns() > end_ns:
                return self._begins()
            sched_yield()
        return True

    def _begins_if_free(self) -> bool:
        return self._probe.is_free() and self._begins()

    def _begins(self) -> bool:
        if self._begin():
            return True
        self.busy += 1
        self._probe.find()
        return False

    # -- looking -------------------------------------------------------------------------------------------------

    def _take_watch(self, *, called: bool = False) -> None:
        """Be one of those that look, if one is missing; called: also instead of looking rarely."""
        if self.watches and not (called and self._look_s == _FIRST_LOOK_S):
            return
        for request, look_s in _WATCH:
            if self._file.try_lock(request):
                if self.watches and look_s < self._look_s:
                    self._file.unlock(_RESERVE)
                self.watches = True
                self._look_s = look_s
                break

    def _look(self) -> None:
        """What is to be done when nobody rang for a while, beside trying."""
        self._file.check_unmoved()
        self._probe.revalidate()
        if self._bell.moved():
            self._bell.renew()
            self._bell.join()
        pid = self._probe.holder()
        if pid is None:
            self._seen = None
        elif self._seen is None or self._seen.pid != pid:
            self._seen = Seen(pid, monotonic_ns())
        if self._seen is not None and self.watches:
            write_seen(self._fd, self._seen, self._namespace)
        if not self.watches:
            self._look_s = max(2 * self._look_s, _FAR_LOOK_S)

    def _make_room_for_others(self, now_ns: int) -> None:
        """Have the line leave the lock free now and then, if the process that has it does not queue. Asked once."""
        if self._met:
            return
        self._met = True
        pid = self._probe.holder()
        if pid is not None and not held_at_all(self._fd, MEMBERS + pid) and self.room_until_ns - now_ns < ROOM_NS / 2:
            self.room_until_ns = now_ns + ROOM_NS
            pwrite(self._fd, ONE.pack(self.room_until_ns), ROOM_AT)

    def _timed_out(self) -> Exception:
        pid = self._probe.holder()
        ahead = [each for each in waiters(self._file) if each.since_ns < self._byte - WAITERS and each.pid != pid]
        queues = pid is not None and held_at_all(self._fd, MEMBERS + pid)
        return timed_out(
            self._file.database,
            waited_s=(monotonic_ns() - self._came_ns) / 1e9,
            busy=self.busy,
            seen=self._seen or read_seen(self._fd),
            place=len(ahead) + queues if ahead or queues else None,
        )
