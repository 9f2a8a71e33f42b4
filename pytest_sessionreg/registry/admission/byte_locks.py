"""Locks on single bytes of a file that belong to the open file description, not to the process.

Such locks (fcntl(2), "Open file description locks", Linux >= 3.15) survive the closing of other descriptors of the
file, which drops POSIX ones, and end with the process. A blocking request has no timeout, so a thread blocks on the
caller's behalf.
"""

from __future__ import annotations

import errno
import os
import struct
from time import monotonic

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["AVAILABLE", "ByteLocks"]

# struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid (which must be 0 for these locks).
_FLOCK = struct.Struct("hhqqi4x")
AVAILABLE = hasattr(fcntl, "F_OFD_SETLKW") and struct.calcsize("P") == 8


class ByteLocks:
    """The byte locks of one descriptor of one file, with a deadline on every wait."""

    __slots__ = ("_path", "_waiter", "fd")

    def __init__(self, path: str) -> None:
        self._path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._waiter: _Waiter | None = None

    def try_exclusive(self, offset: int) -> bool:
        """Lock one byte unless another descriptor holds it; whether it is ours now."""
        try:
            fcntl.fcntl(self.fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True

    def unlock(self, offset: int, length: int = 1) -> None:
        """Free `length` bytes (0: to the end of the file); freeing what is not held does nothing."""
        fcntl.fcntl(self.fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, offset, length, 0))

    def is_free(self, offset: int, length: int = 1) -> bool:
        """Whether no other descriptor holds any of the bytes exclusively."""
        asked = _FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, offset, length, 0)
        kind, *_ = _FLOCK.unpack(fcntl.fcntl(self.fd, fcntl.F_OFD_GETLK, asked))
        return bool(kind == fcntl.F_UNLCK)

    def until_free(self, offset: int, length: int, deadline: float) -> bool:
        """Wait until nobody holds any of the bytes exclusively; False at `deadline` (monotonic seconds). Nothing is
        kept.
        """
        remaining_s = deadline - monotonic()
        if remaining_s <= 0:
            return self.is_free(offset, length)
        waiter = self._waiter or _Waiter(self._path, self.fd)
        self._waiter = None  # kept only if it comes back idle: one whose wait was given up ends by itself
        if waiter.wait(_FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, offset, length, 0), remaining_s):
            self._waiter = waiter
            return True
        return False

    def close(self) -> None:
        """Free every byte, end the waiting thread and close the descriptor."""
        if self._waiter is not None:
            self._waiter.dismiss()
            self._waiter = None
        os.close(self.fd)

    def forget(self) -> None:
        """In a forked child: close the inherited descriptor, which would keep the parent's locks after its death."""
        self._waiter = None
        os.close(self.fd)


class _Waiter:
    """A daemon thread that blocks in one lock request at a time, on a file description of its own.

    Of its own, so that a wait that was given up and is granted later, or never, disturbs no lock of the caller's.
    """

    __slots__ = ("_answered", "_asked", "_error", "_fd", "_guard", "_request", "_state")

    def __init__(self, path: str, twin_fd: int) -> None:
        from threading import Lock, Thread  # here, because an uncontended cold start needs no thread

        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            _check_same_file(path, self._fd, twin_fd)
            self._guard = Lock()
            self._asked = Lock()
            self._asked.acquire()
            self._answered = Lock()
            self._answered.acquire()
            self._state = "idle"
            self._request = b""
            self._error: OSError | None = None
            Thread(target=self._run, name="sessionreg-byte-lock", daemon=True).start()
        except BaseException:
            os.close(self._fd)
            raise

    def wait(self, request: bytes, timeout_s: float) -> bool:
        """Whether `request` was granted in time. After False, or an exception, the thread ends by itself."""
        self._request = request
        self._state = "waiting"
        self._asked.release()
        try:
            granted = self._answered.acquire(timeout=timeout_s)
        except BaseException:
            self._abandon()
            raise
        if not granted and self._abandon():
            return False
        if self._error is not None:
            raise self._error
        return True

    def dismiss(self) -> None:
        """End the idle thread."""
        self._state = "abandoned"
        self._asked.release()

    def _abandon(self) -> bool:
        """Give the request up; False if it was granted just before."""
        with self._guard:
            if self._state == "granted":
                self._answered.acquire()
                return False
            self._state = "abandoned"
            return True

    def _run(self) -> None:
        unlock = _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0)
        try:
            while True:
                self._asked.acquire()
                if self._state == "abandoned":
                    return
                try:
                    fcntl.fcntl(self._fd, fcntl.F_OFD_SETLKW, self._request)
                except OSError as error:
                    self._error = error
                with self._guard:
                    if self._state == "abandoned":
                        return
                    self._state = "granted"
                    self._answered.release()
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, unlock)  # after the answer: the caller need not wait for it
        finally:
            os.close(self._fd)


def _check_same_file(path: str, fd: int, twin_fd: int) -> None:
    """Raise ESTALE where `path` was replaced since `twin_fd` was opened: locks on two files order nobody."""
    if not os.path.samestat(os.fstat(fd), os.fstat(twin_fd)):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)
