"""The bell: a named pipe beside the sidecar, at which those in line sleep, and of whom one byte wakes one.

Each sleeper's epoll is registered with EPOLLEXCLUSIVE and stays so until it is served. Linux then wakes the one that
has been registered longest and sleeps; one that is stopped, dead or awake is skipped. That order is not documented
(epoll_ctl(2) promises "one or more"), so it is a hint:
a waiter that is woken tries, and those on watch look by themselves.
"""

from __future__ import annotations

import os
import stat

from .beside import check_owned, close_after_fork, give_to_database, open_beside
from .sidecar import SUFFIX as SIDECAR_SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from select import epoll

__all__ = ["RING", "SUFFIX", "WATCH", "Bell"]

SUFFIX = SIDECAR_SUFFIX + "-bell"
# Go and try: the lock is free. Take the watch: nobody looks after the line.
RING, WATCH = b"!", b"w"
_DRAIN = 4096
# EPOLLIN | EPOLLEXCLUSIVE (epoll_ctl(2)); the module that has them is not loaded by a cold start.
_EXCLUSIVE = 1 | 1 << 28
# Where no pipe can be had, one in line looks this often.
_LOOK_S = 0.001


class Bell:
    """One process's end of the bell of `database`. Where there can be no pipe nothing is raised, and `sleep` sleeps."""

    __slots__ = ("__weakref__", "_database", "_epoll", "_fd", "_path")

    def __init__(self, database: str) -> None:
        self._database = database
        self._path = database + SUFFIX
        self._fd = -1
        self._epoll: epoll | None = None
        close_after_fork(self)
        self.renew()

    def renew(self) -> None:
        """Open the pipe that is at the path by now; made if missing."""
        self.close()
        try:  # noqa: SIM105  contextlib would cost a cold start
            self._fd = _open_pipe(self._path, self._database)
        except OSError:
            pass  # mknod is denied, or another's file is there: then `sleep` looks

    def prepare(self) -> None:
        """Have what `join` needs: without it, in a process that has no descriptor left, `sleep` looks."""
        if self._fd < 0 or self._epoll is not None:
            return
        try:
            from select import epoll  # here, because a cold start does not wait

            self._epoll = epoll()
        except (ImportError, OSError):
            pass  # an old kernel, or no descriptor left

    def join(self) -> None:
        """Sleep in line from now on, behind those who do already."""
        self.prepare()
        waiting = self._epoll
        if waiting is None:
            return
        try:
            waiting.register(self._fd, _EXCLUSIVE)
        except FileExistsError:  # what an exception left: behind those who came since
            self.quit()
            waiting.register(self._fd, _EXCLUSIVE)
        except OSError:  # the user has too many (max_user_watches): then `sleep` looks
            self._epoll = None
            waiting.close()

    def quit(self) -> None:
        """Sleep in line no longer; where one does not, nothing happens."""
        if self._epoll is not None:
            try:  # noqa: SIM105  contextlib would cost a cold start
                self._epoll.unregister(self._fd)
            except FileNotFoundError:
                pass

    def ring(self, byte: bytes = RING) -> None:
        """Wake one."""
        if self._fd >= 0:
            try:  # noqa: SIM105  as above
                os.write(self._fd, byte)
            except OSError:
                pass  # full: then there is enough to wake anybody

    def sleep(self, seconds: float) -> bytes | None:
        """Sleep until woken, at most so long: what was rung, b"" where another one has read it; None for not woken."""
        if self._epoll is None:
            from time import sleep

            sleep(min(seconds, _LOOK_S))
            return None
        if not self._epoll.poll(seconds, 1):
            return None
        try:
            return os.read(self._fd, _DRAIN)
        except OSError:
            return b""

    def moved(self) -> bool:
        """Whether another pipe, or none, is at the path by now: this one rings for nobody who came later."""
        try:
            return self._fd >= 0 and not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except OSError:
            return True

    def close(self) -> None:
        """Close the pipe; a second call does nothing."""
        waiting, self._epoll = self._epoll, None
        if waiting is not None:
            waiting.close()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __del__(self) -> None:
        try:  # noqa: SIM105  contextlib would cost a cold start
            self.close()
        except AttributeError:
            pass  # an exception came before anything was set


def _open_pipe(path: str, database: str) -> int:
    """A descriptor of the named pipe `path`, made if missing."""
    made = True
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        made = False
    # for reading as well, so that it opens at once and no ring ever meets a pipe without a reader
    fd = open_beside(path)
    try:
        if made:
            give_to_database(fd, database)
        check_owned(fd, path, database, stat.S_IFIFO)
    except BaseException:
        os.close(fd)
        raise
    return fd
