"""What those in line write into the sidecar for those who look on: who waits, and who holds the lock up.

Each waiter has one byte of the sidecar locked, whose number says since when it waits; the lock ends with its process.
Beside it each writes its pid into a slot.
"""

from __future__ import annotations

import os
import struct
from time import monotonic_ns

from .byte_locks import lock_in
from .sidecar import SEEN_AT, SLOTS_AT, WAITER_COUNT, WAITERS, Sidecar, pid_namespace_inode

__all__ = ["Seen", "Waiter", "read_seen", "say_waiting", "waiters", "write_seen"]

# byte, pid, pid namespace; a later waiter may take the slot of one that still waits, who then has no name.
_SLOT = struct.Struct("<QQQ")
_SLOTS = 1024
# pid, pid namespace, since when it is known to hold the lock, and when that was last true; monotonic nanoseconds.
_RECORD = struct.Struct("<QQQQ")
# The one who looks does so every 20 ms; a record that nobody has confirmed for longer is of another hold.
_CONFIRMED_NS = 200_000_000


class Waiter:
    """One writer in line.

    since_ns: when it came, monotonic nanoseconds.
    pid: whose it is in this process's pid namespace; None if that is not known.
    """

    __slots__ = ("pid", "since_ns")

    def __init__(self, since_ns: int, pid: int | None) -> None:
        self.since_ns = since_ns
        self.pid = pid

    def waits_s(self) -> float:
        """For how many seconds."""
        return max((monotonic_ns() - self.since_ns) / 1e9, 0.0)


def say_waiting(fd: int, byte: int, pid: int, namespace: int) -> None:
    """Tell onlookers whose `byte` is."""
    os.pwrite(fd, _SLOT.pack(byte, pid, namespace), _slot_at(byte))


def waiters(sidecar: Sidecar) -> list[Waiter]:
    """Those in line, but the owner of `sidecar` itself, the first to come first."""
    namespace = pid_namespace_inode()
    found = []
    for byte in _locked(sidecar.fd, WAITERS, WAITERS + WAITER_COUNT):
        of, pid, where = _SLOT.unpack(os.pread(sidecar.fd, _SLOT.size, _slot_at(byte)).ljust(_SLOT.size, b"\0"))
        found.append(Waiter(byte - WAITERS, pid if of == byte and where == namespace else None))
    return found


def _slot_at(byte: int) -> int:
    return SLOTS_AT + byte % _SLOTS * _SLOT.size


def _locked(fd: int, first: int, end: int) -> list[int]:
    """The bytes from `first` on and before `end` that others have locked, in order."""
    found = []
    ranges = [(first, end)]
    while ranges:
        first, end = ranges.pop()
        lock = lock_in(fd, first, end - first) if first < end else None
        if lock is not None:  # any one of them: those on both sides are asked for as well
            found.append(lock)
            ranges += [(first, lock), (lock + 1, end)]
    return sorted(found)


class Seen:
    """pid: of the process that holds the lock. since_ns: it has done so at least since then, monotonic nanoseconds."""

    __slots__ = ("pid", "since_ns")

    def __init__(self, pid: int, since_ns: int) -> None:
        self.pid = pid
        self.since_ns = since_ns

    def held_s(self) -> float:
        """For at least how many seconds."""
        return max((monotonic_ns() - self.since_ns) / 1e9, 0.0)


def write_seen(fd: int, seen: Seen, namespace: int) -> None:
    """Say in the sidecar that it is still true."""
    os.pwrite(fd, _RECORD.pack(seen.pid, namespace, seen.since_ns, monotonic_ns()), SEEN_AT)


def read_seen(fd: int, *, of_any_age: bool = False) -> Seen | None:
    """What somebody said a moment ago (of_any_age: or earlier); None if nobody did, or in another pid namespace."""
    record = os.pread(fd, _RECORD.size, SEEN_AT)
    if len(record) < _RECORD.size:
        return None
    pid, namespace, since_ns, confirmed_ns = _RECORD.unpack(record)
    age_ns = monotonic_ns() - confirmed_ns
    fresh = (of_any_age or 0 <= age_ns <= _CONFIRMED_NS) and namespace == pid_namespace_inode()
    return Seen(pid, since_ns) if fresh and 0 < pid < 1 << 31 and since_ns <= confirmed_ns else None
