"""Waiting until bytes are free, with a deadline: in a thread that blocks, or by looking where none can be had."""

from __future__ import annotations

from functools import partial
from time import monotonic, sleep

from .wait_thread import WaitThread, ready_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .byte_locks import ByteLocks

__all__ = ["ByteWaits"]

# How often to look where no thread can wait: none can be started, or the last one is stuck behind a stopped process.
_POLL_S = 0.002


class ByteWaits:
    """The waits of the process that has `locks` open; its thread waits on another description of the same file."""

    __slots__ = ("_locks", "_thread", "_thread_locks")

    def __init__(self, locks: ByteLocks) -> None:
        self._thread: WaitThread | None = None
        self._locks = self._thread_locks = locks

    def until_free(
        self, offset: int, length: int, deadline: float, *, look: Callable[[], float] | None = None, look_s: float = 60
    ) -> bool:
        """Wait until nobody else holds any of the bytes exclusively; False if `deadline` (monotonic seconds) comes
        first, or a `look` says so: it is taken after `look_s` seconds and says in how many more to take it again; 0:
        wait no longer.
        """
        self._thread = thread = ready_thread(self._thread, self._open_thread_locks)
        wait: Callable[[float], bool] = partial(self._poll, offset, length)
        if thread is not None and not thread.given_up and monotonic() < deadline:
            thread.ask(partial(self._thread_locks.wait_free, offset, length))
            wait = thread.granted
        try:
            while True:
                look_at = monotonic() + look_s
                if wait(min(deadline, look_at)):
                    return True
                if look_at >= deadline:
                    return False
                if look is not None and not (look_s := look()):
                    return False
        finally:
            if thread is not None:
                thread.give_up()

    def close(self) -> None:
        """End the thread, or let it end when what it waits for is free."""
        thread, self._thread = self._thread, None
        if thread is not None and not thread.given_up:
            thread.dismiss()

    def __del__(self) -> None:
        self.close()

    def _poll(self, offset: int, length: int, until: float) -> bool:
        while not self._locks.is_free(offset, length):
            remaining_s = until - monotonic()
            if remaining_s <= 0:
                return False
            sleep(min(_POLL_S, remaining_s))
        return True

    def _open_thread_locks(self) -> ByteLocks:
        self._thread_locks = type(self._locks)(self._locks.path, self._locks)
        return self._thread_locks
