"""The line where there are no open-file-description locks (macOS): one flock(2) on the sidecar, held while writing.

The kernel wakes one waiter per release, but the writer that released it may take it again at once, so order is only
approximate (docs/write-queue.md#barging).
"""

from __future__ import annotations

import os
from time import monotonic, monotonic_ns, sleep

from .records import Seen, read_seen, write_seen
from .sidecar import Sidecar, pid_namespace_inode
from .timeout import timed_out
from .wait_thread import WaitThread, ready_thread

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ....errors import WriteTimeout

__all__ = ["AVAILABLE", "FlockLine", "is_held"]

AVAILABLE = fcntl is not None
# How often to look where no thread can wait: none can be started, or the last one is stuck behind a stopped process.
_POLL_S = 0.002
# With the flock, one still polls for SQLite's lock, which only writers that do not queue can have.
_FIRST_POLL_S, _LAST_POLL_S = 0.0001, 0.001


class FlockLine:
    """One connection's place before the flock on the sidecar of `database`. Raises OSError where it cannot be had."""

    __slots__ = ("_inside", "_namespace", "_own", "_pid", "_thread", "_thread_sidecar")

    def __init__(self, database: str) -> None:
        self._thread: WaitThread | None = None
        self._own = Sidecar(database)
        self._thread_sidecar = self._own
        self._inside: Sidecar | None = None
        self._pid = os.getpid()
        self._namespace = pid_namespace_inode()

    def admit(self, begin: Callable[[], bool], patience_ns: int) -> int:
        """Take the flock, then call `begin` until it returns True: how often it was busy. Raises WriteTimeout."""
        came_s = monotonic()
        deadline = came_s + patience_ns / 1e9
        busy = 0
        try:
            if not self._enter_at_once() and not self._enter(deadline):
                raise self._timed_out(came_s, 0, in_line=True)  # noqa: TRY301  leaves as all that fails here
            poll_s = _FIRST_POLL_S
            while not begin():
                busy += 1
                left_s = deadline - monotonic()
                if left_s <= 0:
                    raise self._timed_out(came_s, busy, in_line=False)  # noqa: TRY301  as above
                sleep(min(poll_s, left_s))
                poll_s = min(2 * poll_s, _LAST_POLL_S)
        except BaseException:
            self.leave()
            raise
        return busy

    def prepare(self) -> None:
        """Nothing that could be had earlier: the thread is started where one has to wait."""

    def keep_out(self) -> None:
        """Nobody begins until `leave` in any case."""

    def leave(self) -> None:
        """Let the next one in; does nothing where we are not inside."""
        inside = self._inside
        if inside is not None:
            self._inside = None
            fcntl.flock(inside.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Free our place, close the sidecar and end the waiting thread; the file stays."""
        try:  # noqa: SIM105  contextlib would cost a cold start
            self.leave()
        except OSError:
            pass  # closing frees what could not be freed singly
        self._end_thread()
        self._own.close()

    def _timed_out(self, came_s: float, busy: int, *, in_line: bool) -> WriteTimeout:
        seen = read_seen(self._own.fd, of_any_age=True) if in_line else None
        return timed_out(self._own.database, waited_s=monotonic() - came_s, busy=busy, seen=seen, in_line=in_line)

    def _enter_at_once(self) -> bool:
        if not _try_lock(self._own):
            return False
        self._say_inside(self._own)
        return True

    def _enter(self, deadline: float) -> bool:
        """Wait for the lock; False if `deadline` (monotonic seconds) came first."""
        self._thread = thread = ready_thread(self._thread, self._open_thread_sidecar)
        if thread is None or thread.given_up or monotonic() >= deadline:
            return self._poll(deadline)
        sidecar = self._thread_sidecar
        thread.ask(lambda: fcntl.flock(sidecar.fd, fcntl.LOCK_EX))
        try:
            if not thread.granted(deadline) and thread.give_up():
                return False
        except BaseException:
            if not thread.give_up():
                fcntl.flock(sidecar.fd, fcntl.LOCK_UN)
            raise
        self._say_inside(sidecar)
        return True

    def _say_inside(self, sidecar: Sidecar) -> None:
        self._inside = sidecar
        write_seen(self._own.fd, Seen(self._pid, monotonic_ns()), self._namespace)

    def _open_thread_sidecar(self) -> Sidecar:
        self._thread_sidecar = Sidecar(self._own.database, self._own)
        return self._thread_sidecar

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None and not thread.given_up:
            thread.dismiss()

    def __del__(self) -> None:
        self._end_thread()

    def _poll(self, deadline: float) -> bool:
        while not self._enter_at_once():
            remaining_s = deadline - monotonic()
            if remaining_s <= 0:
                return False
            sleep(min(_POLL_S, remaining_s))
        return True


def is_held(sidecar: Sidecar) -> bool:
    """Whether somebody has the flock."""
    if not _try_lock(sidecar):
        return True
    fcntl.flock(sidecar.fd, fcntl.LOCK_UN)
    return False


def _try_lock(sidecar: Sidecar) -> bool:
    try:
        fcntl.flock(sidecar.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
