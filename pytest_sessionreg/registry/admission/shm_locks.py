"""The locks on a database's wal-index, as the kernel knows them."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["shm_locks"]

_KERNEL_LOCKS = "/proc/locks"


def shm_locks(database: str) -> Iterator[tuple[int, str, int, int]]:
    """Each POSIX lock on the -shm file of `database`: pid, "READ" or "WRITE", first and last byte.

    Linux only (proc(5)), elsewhere nothing; and without opening the -shm file, because closing a descriptor of it would
    drop this process's locks on it. Which byte is which: https://www.sqlite.org/walformat.html, 2.2.
    """
    try:
        status = os.stat(database + "-shm")
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
                yield int(pid), fields[3], int(first), int(last)
