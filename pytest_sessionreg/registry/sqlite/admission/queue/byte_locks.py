"""Locks on single bytes of a file that belong to the open file description, not to the process.

Such locks (fcntl(2), "Open file description locks", Linux >= 3.15) survive the closing of other descriptors of the
file, which drops POSIX ones, and end with the process.
"""

from __future__ import annotations

import errno
import os
import struct

from .sidecar import Sidecar

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "AVAILABLE",
    "NOBODY",
    "WRITE_LOCK",
    "ByteLocks",
    "exclusive",
    "free",
    "held_at_all",
    "lock_in",
    "locked_by",
    "owner",
    "question",
    "share",
    "shared",
]

# struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid (which must be 0 for these locks).
_FLOCK = struct.Struct("hhqqi4x")
_SETLK = getattr(fcntl, "F_OFD_SETLK", 0)
_WRLCK = getattr(fcntl, "F_WRLCK", 0)
_RDLCK = getattr(fcntl, "F_RDLCK", 0)
_UNLCK = getattr(fcntl, "F_UNLCK", 0)
_TAKEN = (errno.EAGAIN, errno.EACCES)
# SQLite's write lock: a byte of the wal-index (https://www.sqlite.org/walformat.html, 2.2).
WRITE_LOCK = 120
# How an answer of F_OFD_GETLK begins where nobody is in the way.
NOBODY = struct.pack("h", _UNLCK)
AVAILABLE = hasattr(fcntl, "F_OFD_SETLKW") and struct.calcsize("P") == 8


def exclusive(offset: int) -> bytes:
    """The request for `ByteLocks.try_lock` to lock one byte."""
    return _FLOCK.pack(_WRLCK, os.SEEK_SET, offset, 1, 0)


def free(offset: int, length: int = 1) -> bytes:
    """The request for `ByteLocks.unlock` to free `length` bytes; 0: all from `offset` on."""
    return _FLOCK.pack(_UNLCK, os.SEEK_SET, offset, length, 0)


def shared(offset: int) -> bytes:
    """The request for `ByteLocks.try_lock` to lock one byte for reading, which others may at the same time."""
    return _FLOCK.pack(_RDLCK, os.SEEK_SET, offset, 1, 0)


def held_at_all(fd: int, offset: int) -> bool:
    """Whether anybody else has locked the byte, for reading or for writing."""
    asked = _FLOCK.pack(_WRLCK, os.SEEK_SET, offset, 1, 0)
    return fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked)[:2] != NOBODY


def locked_by(fd: int, offset: int, length: int = 1) -> int | None:
    """The pid of somebody who holds one of the bytes exclusively, through another description or by a POSIX lock, this
    process included; 0 or less where the kernel names nobody. None if they are free.
    """
    kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, question(offset, length)))
    return None if kind == fcntl.F_UNLCK else int(pid)


def owner(answer: bytes) -> int:
    """The pid in the answer of F_OFD_GETLK to a `question`; 0 or less where the kernel names nobody."""
    return int(_FLOCK.unpack(answer)[4])


def question(offset: int, length: int = 1) -> bytes:
    """What to ask F_OFD_GETLK: who holds one of the bytes exclusively."""
    return _FLOCK.pack(_RDLCK, os.SEEK_SET, offset, length, 0)


def lock_in(fd: int, offset: int, length: int) -> int | None:
    """The first byte of a lock that somebody holds exclusively within these; None if nobody does."""
    kind, _, start, _, _ = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, question(offset, length)))
    return None if kind == fcntl.F_UNLCK else int(start)


def share(fd: int, offset: int, length: int) -> bool:
    """Lock the bytes of another file for reading until `fd` is closed; False if somebody holds one exclusively."""
    try:
        fcntl.fcntl(fd, _SETLK, _FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, offset, length, 0))
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


class ByteLocks(Sidecar):
    """One open file description of the sidecar at `path`, and the byte locks that belong to it."""

    __slots__ = ()

    def try_lock(self, request: bytes) -> bool:
        """Lock the byte of an `exclusive` request unless another description holds it; whether it is ours now."""
        try:
            fcntl.fcntl(self.fd, _SETLK, request)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

    def unlock(self, request: bytes) -> None:
        """Free the bytes of a `free` request; freeing what is not held does nothing."""
        fcntl.fcntl(self.fd, _SETLK, request)

    def is_free(self, offset: int, length: int = 1) -> bool:
        """Whether no other description holds any of the bytes exclusively."""
        return locked_by(self.fd, offset, length) is None
