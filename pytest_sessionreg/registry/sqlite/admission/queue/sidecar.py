"""The queue's sidecar: one small file beside the database, whose bytes are locked and whose words are hints."""

from __future__ import annotations

import errno
import os
import stat

from .beside import check_owned, close_after_fork, give_to_database, open_beside

__all__ = [
    "AWAKE_AT",
    "HEADER",
    "HUNGRY_AT",
    "LEASE_AT",
    "MAGIC",
    "MEMBERS",
    "ROOM_AT",
    "SEEN_AT",
    "SLOTS_AT",
    "SUFFIX",
    "WAITERS",
    "WAITER_COUNT",
    "WATCHES",
    "Sidecar",
    "not_the_queues",
    "pid_namespace_inode",
]

SUFFIX = "-line"
# What the file begins with; a file that does not is another's. Then come the words of hints.py, which are zero at
# first, the record of seen.py and the slots of waiters.py. All numbers are unsigned, of eight bytes, little endian.
MAGIC = b"srline\x00\x01"
HUNGRY_AT, AWAKE_AT, LEASE_AT, ROOM_AT, SEEN_AT, SLOTS_AT = 8, 16, 24, 32, 40, 96
HEADER = MAGIC.ljust(SEEN_AT, b"\0")
# What is locked, far beyond the end (a lock needs no byte to exist): MEMBERS + pid for reading by whoever queues;
# WATCHES and the next two by those in line that look by themselves; WAITERS + n by the writer that waits since n
# (monotonic ns).
MEMBERS, WATCHES, WAITERS = 1 << 32, 1 << 33, 1 << 61
WAITER_COUNT = 1 << 61
_OPENS = 10


class Sidecar:
    """A descriptor of the sidecar of `database`, made if missing; the file is never deleted: that would split the line.

    `twin`: another description of what must be the same file; OSError (ESTALE) if it is not. Raises OSError where the
    file cannot be made or is not the queue's (see beside.py). Words are read and written as with a file: a mapping of a
    file that somebody truncates would end its readers with SIGBUS.
    """

    __slots__ = ("__weakref__", "database", "fd", "path")

    def __init__(self, database: str, twin: Sidecar | None = None) -> None:
        self.database = database
        self.path = database + SUFFIX
        self.fd = -1
        close_after_fork(self)
        try:
            self._open()
            if twin is not None:
                self._check_same(os.fstat(twin.fd))
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        for _ in range(_OPENS):
            try:
                self.fd = open_beside(self.path)
                break
            except FileNotFoundError:
                pass
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self.fd = os.open(self.path, flags, 0o600)
            except FileExistsError:
                continue
            give_to_database(self.fd, self.database)
            break
        else:
            raise OSError(errno.EBUSY, "it comes and goes", self.path)
        check_owned(self.fd, self.path, self.database, stat.S_IFREG)
        found = os.pread(self.fd, len(MAGIC), 0)
        if not found:
            os.pwrite(self.fd, HEADER, 0)
        elif found != MAGIC:
            raise not_the_queues(self.path)

    def check_unmoved(self) -> None:
        """Raise OSError (ESTALE) if the path names another file by now: locks on two files keep no order."""
        try:
            found = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            raise _stale(self.path) from None
        self._check_same(found)

    def _check_same(self, found: os.stat_result) -> None:
        if not os.path.samestat(found, os.fstat(self.fd)):
            raise _stale(self.path)

    def close(self) -> None:
        """Close the descriptor, which frees its locks; a second call does nothing."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def __del__(self) -> None:
        try:  # noqa: SIM105  contextlib would cost a cold start
            self.close()
        except AttributeError:
            pass  # an exception came before anything was set


def not_the_queues(path: str) -> OSError:
    """What to raise for a file that does not begin as the queue's do."""
    return OSError(
        errno.EPERM, "it does not begin as the queue's files do; it is another program's: move it away", path
    )


def _stale(path: str) -> OSError:
    return OSError(errno.ESTALE, "it was deleted or replaced", path)


def pid_namespace_inode() -> int:
    """The number of the namespace in which this process's pids mean something; 0 where there is no such thing."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0
