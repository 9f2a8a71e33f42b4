"""The bell of a line: a named pipe by which the writer that leaves wakes the head, which need not be known."""

from __future__ import annotations

import os
import stat
from time import sleep

__all__ = ["Bell"]

SUFFIX = "-bell"
_DRAIN = 4096
# Where no named pipe can be had, the head looks as often as this.
_POLL_S = 0.0005


class Bell:
    """The bell beside the sidecar `path`: a hint, which may be lost, or rung for nothing.

    Why it is there: a writer that waits for a lock in a thread, because such waits have no timeout, is woken twice, the
    thread and then the caller; from the pipe the caller is woken itself, and with a timeout. Never raises OSError:
    where the file system has no pipes, or no descriptor is left, `ring` does nothing and `wait` sleeps.
    """

    __slots__ = ("_fd", "_path", "_poll")

    def __init__(self, path: str) -> None:
        self._path = path + SUFFIX
        self._fd = -1
        try:
            from select import POLLIN, poll  # here, because an uncontended cold start needs no bell
        except (ImportError, OSError):
            return  # no descriptor is left to load it with
        self._fd = _open(self._path)
        if self._fd >= 0:
            self._poll = poll()
            self._poll.register(self._fd, POLLIN)

    def ring(self) -> None:
        """Wake the one that waits."""
        if self._fd >= 0:
            try:  # noqa: SIM105  contextlib would cost a cold start
                os.write(self._fd, b"!")
            except OSError:
                pass  # full: then there is enough to wake anybody

    def wait(self, seconds: float) -> bool:
        """Wait until the bell is rung, at most so long; whether it was."""
        if self._fd < 0:
            sleep(min(seconds, _POLL_S))
            return False
        if not self._poll.poll(seconds * 1000):
            return False
        try:  # noqa: SIM105  contextlib would cost a cold start
            os.read(self._fd, _DRAIN)
        except OSError:
            pass  # somebody else heard it too, and was faster
        return True

    def moved(self) -> bool:
        """Whether another pipe, or none, is at the path by now: this one rings for nobody who came later."""
        try:
            return self._fd >= 0 and not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except OSError:
            return True

    def close(self) -> None:
        """Close the pipe; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def _open(path: str) -> int:
    """A descriptor of the named pipe `path`, made if missing; -1 where there can be none."""
    try:
        try:  # noqa: SIM105  contextlib would cost a cold start
            os.mkfifo(path, 0o600)
        except FileExistsError:
            pass
        # for reading as well, so that it opens at once and no ring ever meets a pipe without a reader
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return -1
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return -1
