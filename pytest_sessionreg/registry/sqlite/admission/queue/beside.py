"""Opening the queue's own files beside a database, which may be links, or another's, or another kind of file."""

from __future__ import annotations

import errno
import os
import stat
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Closable(Protocol):
        """Whatever holds a descriptor."""

        def close(self) -> None: ...


__all__ = ["check_owned", "close_after_fork", "give_to_database", "open_beside"]

_open: weakref.WeakSet[Closable] = weakref.WeakSet()

_NOT_OURS = "it is not the queue's: move it away"


def open_beside(path: str) -> int:
    """A descriptor of the existing file `path`, for reading and writing; no link is followed, no pipe waited for."""
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def check_owned(fd: int, path: str, database: str, kind: int) -> os.stat_result:
    """What fstat(2) says of `fd`, after a look at its kind (S_IFREG or S_IFIFO), its names and its owner.

    The owner may be this process's user, root, the database's owner, or a user who may write the database by its
    mode. Raises OSError (EPERM).
    """
    status = os.fstat(fd)
    if stat.S_IFMT(status.st_mode) != kind or status.st_nlink > 1:
        raise OSError(errno.EPERM, f"of another kind, or with several names; {_NOT_OURS}", path)
    if status.st_uid not in (os.geteuid(), 0):
        of_database = os.stat(database)
        by_group = of_database.st_mode & stat.S_IWGRP and status.st_gid == of_database.st_gid
        if status.st_uid != of_database.st_uid and not by_group and not of_database.st_mode & stat.S_IWOTH:
            raise OSError(errno.EPERM, f"it belongs to user {status.st_uid}, and the database does not", path)
    return status


def give_to_database(fd: int, database: str) -> None:
    """Give the file just made the mode of the database, and under root its owner, as SQLite does with its log."""
    of_database = os.stat(database)
    own = os.fstat(fd)
    if os.geteuid() == 0 and (own.st_uid, own.st_gid) != (of_database.st_uid, of_database.st_gid):
        os.fchown(fd, of_database.st_uid, of_database.st_gid)
    if stat.S_IMODE(own.st_mode) != of_database.st_mode & 0o777:
        os.fchmod(fd, of_database.st_mode & 0o777)


def close_after_fork(holder: Closable) -> None:
    """Close `holder` in children that this process forks: a descriptor there would keep the parent's locks after the
    parent's death.
    """
    _open.add(holder)


def _after_fork_in_child() -> None:
    for holder in list(_open):
        holder.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
