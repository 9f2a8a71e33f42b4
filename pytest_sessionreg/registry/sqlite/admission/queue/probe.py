"""A look at SQLite's own write lock, which costs a microsecond where a BEGIN that fails costs ten."""

from __future__ import annotations

import fcntl
import os

from .byte_locks import NOBODY, WRITE_LOCK, owner, question

__all__ = ["Probe"]

_GETLK = fcntl.F_OFD_GETLK
_WRITER = question(WRITE_LOCK)


class Probe:
    """The write lock of `database`, seen through the descriptor of the wal-index that a connection of this process has.

    That descriptor is SQLite's: it may be closed at any time, and its number used for another file. So an answer is a
    hint, an error is no answer, and `revalidate` compares the file from time to time.
    """

    __slots__ = ("_database", "_fd", "_identity", "_sought")

    def __init__(self, database: str) -> None:
        self._database = database
        self._fd = -1
        self._sought = False
        self._identity: tuple[int, int] | None = None

    def find(self) -> None:
        """Look for the descriptor, until it is found: a search of all that this process has open."""
        if self._sought:
            return
        try:
            from .kernel_locks import own_descriptors  # here, because a cold start that meets nobody needs no probe

            (found,) = own_descriptors(self._database + "-shm")
            if found < 0:
                return
            status = os.fstat(found)
        except (ImportError, OSError):
            return  # no descriptor is left to look with, or SQLite closed its own meanwhile
        self._fd, self._identity = found, (status.st_dev, status.st_ino)
        self._sought = True

    def is_free(self) -> bool:
        """Whether the lock looks free; True where that cannot be seen, for then BEGIN tells."""
        if self._fd < 0:
            return True
        try:
            return fcntl.fcntl(self._fd, _GETLK, _WRITER)[:2] == NOBODY
        except OSError:
            self._forget()
            return True

    def holder(self) -> int | None:
        """The pid of the process that holds the lock; None if nobody does, or that cannot be seen."""
        if self._fd < 0:
            return None
        try:
            answer = fcntl.fcntl(self._fd, _GETLK, _WRITER)
        except OSError:
            self._forget()
            return None
        pid = 0 if answer[:2] == NOBODY else owner(answer)
        return pid if pid > 0 else None

    def revalidate(self) -> None:
        """Forget the descriptor if it is another file's by now; the next search finds SQLite's new one."""
        if self._fd >= 0:
            try:
                status = os.fstat(self._fd)
            except OSError:
                self._forget()
                return
            if (status.st_dev, status.st_ino) != self._identity:
                self._forget()

    def _forget(self) -> None:
        self._fd = -1
        self._sought = False
