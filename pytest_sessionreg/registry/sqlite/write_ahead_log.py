"""The write-ahead log of an open database: whether it is still ours, and how to leave one that is not.

It cannot change while a connection is open, but where somebody in this process opened the database file beside SQLite
and closed it: that dropped this process's locks, and the next process to close took itself for the last one and
unlinked the log, even in the middle of a transaction of ours (https://www.sqlite.org/howtocorrupt.html, 2.2). Writes
into an unlinked log would be acknowledged and lost; and so would be what others wrote since, once we close and SQLite
copies that log over it. Where it was seen: docs/field-failures.md#a-stray-close.
"""

from __future__ import annotations

import os
from time import monotonic, sleep

from .admission.queue.byte_locks import AVAILABLE, WRITE_LOCK, locked_by, share
from .connection import LOG_LIMIT_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

__all__ = ["WriteAheadLog"]

# SQLite's SHARED lock: 510 bytes from PENDING_BYTE + 2 on (os.h of SQLite); a last closer locks them exclusively.
_SHARED_FIRST = 0x40000000 + 2
_SHARED_SIZE = 510
_KERNEL_LOCKS = "/proc/locks"
# How long a sibling may take to close; by measurement it is milliseconds.
_SIBLING_S = 5.0
_LOOK_S = 0.001

# Whether a log of this process's was unlinked under it.
_lost_one = False


class WriteAheadLog:
    """The log of the database at `database`, which is the one that is found at the first write.

    is_large: whether it had grown beyond what it is cut back to, when last looked at: it could not be started anew.
    """

    __slots__ = ("_database", "_descriptor", "_identity", "_index", "_path", "_sought", "_writes", "is_large")

    def __init__(self, database: str) -> None:
        self._database = database
        self._path = database + "-wal"
        self._identity: tuple[int, int] | None = None
        self._descriptor = self._index = -1  # SQLite's own, of the database and of the wal-index
        self._sought = False
        self._writes = 0
        self.is_large = False

    def prepare(self) -> bool:
        """Find SQLite's own descriptors; to be called before a writer gets in line, for it takes a while where many
        files are open. Hooks, which write once, are spared it, but not in a process that has lost a log before, whose
        code may make a stray close again. Whether they were looked for now.
        """
        if self._sought or not AVAILABLE or (self._writes == 0 and not _lost_one):
            return False
        from .admission.queue.kernel_locks import own_descriptors

        self._sought = True
        self._descriptor, self._index = own_descriptors(self._database, self._database + "-shm")
        return True

    def lock_is_ours(self) -> bool:
        """Whether this process still has SQLite's write lock; to be asked before COMMIT.

        Closing any other descriptor of the -shm file drops it, and the next writer gets in beside us.
        """
        if self._index < 0:
            return True
        try:
            if locked_by(self._index, WRITE_LOCK) == os.getpid():
                return True
            if os.path.samestat(os.fstat(self._index), os.stat(self._database + "-shm")):
                return False
        except OSError:
            pass
        self._index, self._sought = -1, False  # it was not SQLite's, and its number is another file's by now
        return True

    def kept(self) -> bool:
        """Whether what was just committed stays; to be asked after COMMIT.

        A last closer holds the database exclusively from before it copies the log until it has unlinked it, which it
        cannot while we hold our share. So a process that sees nobody do so, and then the log in its place, has been
        copied or is not concerned.
        """
        self._writes += 1
        return not self._is_being_removed() and self.is_ours()

    def is_ours(self) -> bool:
        """Whether the log is still the one of the first write; to be asked after BEGIN."""
        try:
            status = os.stat(self._path)
        except OSError:
            return self._identity is None  # gone, if it was ever seen
        self.is_large = status.st_size > LOG_LIMIT_BYTES
        found = (status.st_dev, status.st_ino)
        if self._identity is None:
            self._identity = found
        return found == self._identity

    def moved(self, consequence: str) -> str:
        """What to tell a process that wrote into a log that is no longer ours."""
        return (
            f"{self._path}: was deleted or replaced under this registry, by hand, or because code in this process "
            f"closed a descriptor of the database that was not SQLite's; {consequence}: open the registry anew"
        )

    def lock_lost(self, consequence: str) -> str:
        """What to tell a process that has lost SQLite's write lock in the middle of a transaction."""
        return (
            f"{self._database}: this process lost SQLite's write lock in the middle of the transaction, because code "
            f"in it closed a descriptor of {self._database}-shm that was not SQLite's; {consequence}: have that code "
            "leave the file alone, and open the registry anew"
        )

    def abandon(self, connection: sqlite3.Connection) -> None:
        """Close a connection whose log is no longer ours.

        Deleted by hand, the log holds what is nowhere else, and SQLite copies it into the database as it closes. After
        a stray close it must not: what the log holds is there already, and others may have written since. So SQLite is
        made to find that it is not the last one, by a lock on its own descriptor, which ends with that. Where the
        kernel's lock table cannot be read (Linux has one) it is closed as ever.
        """
        global _lost_one  # noqa: PLW0603  what a process's code does, it does to all its registries
        from .admission.queue.kernel_locks import own_descriptors

        _lost_one = True
        descriptor = own_descriptors(self._database)[0] if AVAILABLE and self._strayed() else -1
        deadline = monotonic() + _SIBLING_S
        while descriptor >= 0 and not share(descriptor, _SHARED_FIRST, _SHARED_SIZE) and monotonic() < deadline:
            sleep(_LOOK_S)
        connection.close()

    def _is_being_removed(self) -> bool:
        """Whether another process holds the database exclusively, asked through SQLite's own descriptor of it."""
        if self._descriptor < 0:
            return False
        try:
            return locked_by(self._descriptor, _SHARED_FIRST, _SHARED_SIZE) is not None
        except OSError:
            self._descriptor, self._sought = -1, False  # somebody else's, who closed it: look for it anew
            return False

    def _strayed(self) -> bool:
        """Whether this process has lost its lock on the database, which it holds from its first read on."""
        from .admission.queue.kernel_locks import posix_locks

        if not os.path.exists(_KERNEL_LOCKS):
            return False
        pid = os.getpid()
        return not any(owner == pid and first >= _SHARED_FIRST for owner, first, _ in posix_locks(self._database))
