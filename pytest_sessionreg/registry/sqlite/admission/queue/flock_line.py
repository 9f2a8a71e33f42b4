"""The line where there are no open-file-description locks (macOS): one flock(2) on the sidecar.

The kernel wakes one waiter per release, but the writer that released it may take it again at once, so order is only
approximate (docs/write-queue.md#barging).
"""

from __future__ import annotations

import os
from time import monotonic, monotonic_ns, sleep

from .line_state import LineState
from .sidecar import INSIDER, INSIDER_AT, Sidecar, pid_namespace_inode
from .wait_thread import WaitThread, ready_thread

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .sidecar import Insider

__all__ = ["AVAILABLE", "FlockLine"]

AVAILABLE = fcntl is not None
# How often to look where no thread can wait: none can be started, or the last one is stuck behind a stopped process.
_POLL_S = 0.002


class FlockLine:
    """This process's place before the one lock of the sidecar at `path`. Raises OSError where it cannot be had."""

    __slots__ = ("_inside", "_namespace", "_own", "_pid", "_thread", "_thread_sidecar")

    def __init__(self, path: str) -> None:
        self._thread: WaitThread | None = None
        self._own = Sidecar(path)
        self._thread_sidecar = self._own
        self._inside: Sidecar | None = None
        self._pid = os.getpid()
        self._namespace = pid_namespace_inode()

    def enter_at_once(self, now_ns: int, slice_ns: int) -> bool:  # noqa: ARG002  as TicketLine's
        """Enter if nobody is inside; whether we are inside now."""
        if not _try_lock(self._own):
            return False
        self._inside = self._own
        self._own.write(INSIDER, INSIDER_AT, self._pid, self._namespace, now_ns, 0)
        return True

    def enter(self, deadline: float) -> bool:
        """Wait for the lock; False if `deadline` (monotonic seconds) came first: then `give_up`."""
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
        self._inside = sidecar
        return True

    def admitted(self, slice_ns: int) -> None:  # noqa: ARG002  a lock that its last holder may take again needs no slices
        """Say that we are inside."""
        self._own.write(INSIDER, INSIDER_AT, self._pid, self._namespace, monotonic_ns(), 0)

    def make_room(self) -> None:
        """Writers that do not queue find room by themselves: this lock keeps no strict turns."""

    def leave(self, now_ns: int = 0) -> None:  # noqa: ARG002  as TicketLine's
        """Let the next one in, after having entered."""
        inside = self._inside
        if inside is not None:
            self._inside = None
            fcntl.flock(inside.fd, fcntl.LOCK_UN)

    def give_up(self) -> None:
        """Leave without having been served."""
        self.leave()

    def place(self) -> int | None:
        """Unknown: the kernel keeps this line."""
        return None

    def blocker(self) -> Insider | None:
        """Who said last that he is inside."""
        return self._own.insider()

    def state(self) -> LineState:
        """Whether somebody is inside, and who said so last."""
        free = _try_lock(self._own)
        if free:
            fcntl.flock(self._own.fd, fcntl.LOCK_UN)
        return LineState(held=not free, waiting=None, blocker=None if free else self._own.insider())

    def close(self) -> None:
        """Free our place, close the sidecar and end the waiting thread; the file stays."""
        try:  # noqa: SIM105  contextlib would cost a cold start
            self.give_up()
        except OSError:
            pass  # closing frees what could not be freed singly
        self._end_thread()
        self._own.close()

    def _open_thread_sidecar(self) -> Sidecar:
        self._thread_sidecar = Sidecar(self._own.path, self._own)
        return self._thread_sidecar

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None and not thread.given_up:
            thread.dismiss()

    def __del__(self) -> None:
        self._end_thread()

    def _poll(self, deadline: float) -> bool:
        while not self.enter_at_once(monotonic_ns(), 0):
            remaining_s = deadline - monotonic()
            if remaining_s <= 0:
                return False
            sleep(min(_POLL_S, remaining_s))
        return True


def _try_lock(sidecar: Sidecar) -> bool:
    try:
        fcntl.flock(sidecar.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
