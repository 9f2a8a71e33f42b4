"""The POSIX locks on a database's files, SQLite's and this process's own included, as the kernel knows them.

Which byte of the wal-index is which: https://www.sqlite.org/walformat.html, 2.2. No file of a database is ever opened
here, because closing a descriptor of it would drop this process's locks on it.
"""

from __future__ import annotations

import os

from .byte_locks import AVAILABLE, WRITE_LOCK, locked_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["READ_LOCKS", "own_descriptors", "posix_locks", "shm_locks", "writer"]

READ_LOCKS = range(123, 128)

_KERNEL_LOCKS = "/proc/locks"
_DESCRIPTORS = "/proc/self/fd"


def writer(database: str) -> int | None:
    """The pid of the process that holds the write lock on `database`; None if none does, or if that is unknown.

    Linux only. Asked through the descriptor of a connection that this process has open: microseconds, while reading
    /proc/locks makes the kernel wait for some 10 ms (Linux 6.18, 100 waits: p50 9.3, max 21). Asked as if for a lock of
    the descriptor's own (F_OFD_GETLK), so that other connections of this process are told as well.
    """
    (descriptor,) = own_descriptors(database + "-shm")
    if descriptor < 0 or not AVAILABLE:
        return next((pid for pid, lock in shm_locks(database) if lock == WRITE_LOCK), None)
    try:
        pid = locked_by(descriptor, WRITE_LOCK)
    except OSError:
        return None
    return pid if pid is not None and pid > 0 else None


def shm_locks(database: str) -> Iterator[tuple[int, int]]:
    """Each lock on the -shm file of `database`, this process's included: the pid and the byte, readers' and writers'.

    Linux only (proc(5)), elsewhere nothing.
    """
    return ((pid, first) for pid, first, last in posix_locks(database + "-shm") if first == last)


def posix_locks(path: str) -> Iterator[tuple[int, int, int]]:
    """Each POSIX lock on the file: the pid, the first and the last byte. Linux only, elsewhere nothing."""
    try:
        status = os.stat(path)
        with open(_KERNEL_LOCKS, encoding="ascii", errors="replace") as table:
            lines = table.read().splitlines()
    except OSError:
        return
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in lines:
        fields = line.split()
        # e.g. "1: POSIX ADVISORY WRITE 4711 fe:00:262147 120 120"; a waiting request has "->" in front
        if len(fields) == 8 and fields[1] == "POSIX" and fields[5] == wanted:
            pid, first, last = fields[4], fields[6], fields[7]
            if pid.isdecimal() and first.isdecimal() and last.isdecimal():
                yield int(pid), int(first), int(last)


def own_descriptors(*paths: str) -> tuple[int, ...]:
    """A descriptor of each path that this process has open already; -1 where it has none, or that cannot be seen.

    SQLite's if there is one, which stays open as long as a connection does. It opens all its files with O_NOFOLLOW
    (os_unix.c), and `open` of a language does not.
    """
    found = [-1] * len(paths)
    try:
        from fcntl import F_GETFL, fcntl

        wanted = [os.stat(path) for path in paths]
        names = os.listdir(_DESCRIPTORS)
    except (ImportError, OSError):
        return tuple(found)
    certain = set()
    for name in names:
        number = int(name)
        try:
            status = os.fstat(number)
            for place, each in enumerate(wanted):
                if place not in certain and os.path.samestat(status, each):
                    found[place] = number
                    if fcntl(number, F_GETFL) & os.O_NOFOLLOW:
                        certain.add(place)
        except OSError:
            continue  # the descriptor of the listing itself is closed by now
    return tuple(found)
