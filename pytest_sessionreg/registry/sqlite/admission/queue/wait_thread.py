"""A thread that blocks on the caller's behalf, because the kernel's lock requests have no timeout."""

from __future__ import annotations

import os
from _thread import allocate_lock
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .sidecar import Sidecar

__all__ = ["WaitThread", "ready_thread"]

# poll(2) takes milliseconds in a C int; a day is enough between two looks.
_LONGEST_WAIT_MS = 86_400_000.0


class WaitThread:
    """A daemon thread that makes one blocking request at a time, on the file description `sidecar`, which it closes.

    The description is the thread's own, so that a request that was given up, and is granted later or never, disturbs no
    lock of the caller's: such a thread ends when it is granted, which frees what came too late. `given_up` is true from
    then on, `ended` once it has. Raises OSError or RuntimeError where no descriptor, or no thread, is left.
    """

    __slots__ = (
        "_answers",
        "_asked",
        "_error",
        "_granted",
        "_guard",
        "_pending",
        "_poll",
        "_request",
        "_sidecar",
        "ended",
        "given_up",
    )

    def __init__(self, sidecar: Sidecar) -> None:
        from select import POLLIN, poll  # here, because an uncontended cold start needs neither this nor a thread
        from threading import Thread

        self._sidecar = sidecar
        self._guard = allocate_lock()
        self._asked = allocate_lock()
        self._asked.acquire()
        self._request: Callable[[], object] = _nothing
        self._pending = False
        self._error: OSError | None = None
        self._granted = False
        self.given_up = False
        self.ended = False
        # A pipe, not a lock: the caller wakes while the thread is in write(2), and so does not find the GIL taken.
        self._answers = os.pipe()
        self._poll = poll()
        self._poll.register(self._answers[0], POLLIN)
        try:
            Thread(target=self._serve, name="sessionreg-write-queue", daemon=True).start()
        except BaseException:
            self._end()
            raise

    def ask(self, request: Callable[[], object]) -> None:
        """Make `request` in the thread, which must be idle."""
        self._request = request
        self._granted = False
        self._pending = True
        self._asked.release()

    def granted(self, until: float) -> bool:
        """Wait until the request returns; False if not before `until` (monotonic seconds). Raises its OSError."""
        if not self._poll.poll(min(max((until - monotonic()) * 1000, 0), _LONGEST_WAIT_MS)):
            return False
        self._take_answer()
        return True

    def give_up(self) -> bool:
        """Want no answer any more, and let the thread end; False if there is one already, or nothing was asked."""
        if not self._pending:
            return False
        with self._guard:
            if not self._granted:
                self._pending = False
                self.given_up = True
                return True
        self._take_answer()
        return False

    def dismiss(self) -> None:
        """End the thread, which must be idle."""
        self.given_up = True
        self._asked.release()

    def _take_answer(self) -> None:
        self._pending = False
        os.read(self._answers[0], 1)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _serve(self) -> None:
        try:
            while True:
                self._asked.acquire()
                if self.given_up:
                    return
                try:
                    self._request()
                except OSError as error:
                    self._error = error
                self._request = _nothing  # what it refers to must not live as long as an idle thread
                with self._guard:
                    if self.given_up:
                        return
                    self._granted = True
                os.write(self._answers[1], b"!")
        finally:
            self._end()

    def _end(self) -> None:
        self._sidecar.close()
        for descriptor in self._answers:
            os.close(descriptor)
        self.ended = True


def ready_thread(last: WaitThread | None, open_sidecar: Callable[[], Sidecar]) -> WaitThread | None:
    """`last` if it is there and idle, else a new one; None if no descriptor or no thread is left.

    A thread that was given up and has not ended comes back as it is: one stuck behind a stopped process is enough.
    """
    if last is not None and not last.ended:
        return last
    try:
        return WaitThread(open_sidecar())
    except (ImportError, OSError, RuntimeError):
        return None


def _nothing() -> None:
    pass
