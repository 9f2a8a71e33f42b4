"""One open file description of the queue's sidecar file, and what it records about the writer inside."""

from __future__ import annotations

import errno
import os
import struct
import weakref
from time import monotonic_ns

__all__ = ["INSIDER", "INSIDER_AT", "LONGEST_SLICE_S", "SUFFIX", "Insider", "Sidecar", "pid_namespace_inode"]

SUFFIX = "-queue"

# Who is inside, little endian: pid, its pid namespace, since when, and until when a lease runs (0: none), both in
# monotonic nanoseconds, which all processes of one boot share.
INSIDER = struct.Struct("<QQQQ")
INSIDER_AT = 16

# A lease in the sidecar that runs longer than any slice may be is damage.
LONGEST_SLICE_S = 0.05

_open_sidecars: weakref.WeakSet[Sidecar] = weakref.WeakSet()


class Sidecar:
    """A descriptor of the sidecar at `path`, created if missing; the file is never deleted, for that would split the
    line.

    `twin`: another description of what must be the same file; OSError (ESTALE) if it is not. Counters and records are
    read and written as with a file: a mapping of a file that somebody truncates would end its readers with SIGBUS.
    """

    __slots__ = ("__weakref__", "fd", "path")

    def __init__(self, path: str, twin: Sidecar | None = None) -> None:
        self.path = path
        self.fd = -1
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if twin is not None and not os.path.samestat(os.fstat(self.fd), os.fstat(twin.fd)):
            self.close()
            raise _stale(path)
        _open_sidecars.add(self)

    def read(self, layout: struct.Struct, offset: int) -> tuple[int, ...]:
        """The numbers at `offset`; zeros for what the file is too short to hold."""
        return layout.unpack(os.pread(self.fd, layout.size, offset).ljust(layout.size, b"\0"))

    def write(self, layout: struct.Struct, offset: int, *numbers: int) -> None:
        """Store the numbers at `offset`."""
        os.pwrite(self.fd, layout.pack(*numbers), offset)

    def check_unmoved(self) -> None:
        """Raise OSError (ESTALE) if the path names another file by now: locks on two files keep no order."""
        try:
            moved = not os.path.samestat(os.stat(self.path), os.fstat(self.fd))
        except FileNotFoundError:
            moved = True
        if moved:
            raise _stale(self.path)

    def insider(self) -> Insider | None:
        """Who said last that he is inside; None if nobody ever did."""
        pid, namespace, since_ns, lease_until_ns = self.read(INSIDER, INSIDER_AT)
        return Insider(pid, namespace, since_ns, lease_until_ns) if pid else None

    def close(self) -> None:
        """Close the descriptor, which frees its locks; a second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()


class Insider:
    """What the sidecar says of the writer inside: pid, pid namespace, since when and until when leased (monotonic
    ns).
    """

    __slots__ = ("lease_until_ns", "namespace", "pid", "since_ns")

    def __init__(self, pid: int, namespace: int, since_ns: int, lease_until_ns: int) -> None:
        self.pid = pid
        self.namespace = namespace
        self.since_ns = since_ns
        self.lease_until_ns = lease_until_ns

    def held_s(self) -> float | None:
        """For how many seconds; None if the sidecar does not say since when."""
        return max((monotonic_ns() - self.since_ns) / 1e9, 0.0) if self.since_ns else None


def _stale(path: str) -> OSError:
    return OSError(errno.ESTALE, "it was deleted or replaced", path)


def pid_namespace_inode() -> int:
    """The number of the namespace in which this process's pids mean something; 0 where there is no such thing."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _after_fork_in_child() -> None:
    """Close what was inherited: a descriptor in the child would keep the parent's locks after the parent's death."""
    for sidecar in list(_open_sidecars):
        sidecar.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
