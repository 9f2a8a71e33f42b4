"""Which file system a path lies on, and whether SQLite's write-ahead log is safe there."""

from __future__ import annotations

import os

from ..errors import UnsafeFileSystem

__all__ = ["file_system_of", "is_mount_point", "parse_mount_table", "refuse_unsafe"]

# No coherent shared memory or no reliable locks: https://www.sqlite.org/wal.html (all processes on one host),
# and docs/field-failures.md#network-and-virtual-file-systems.
UNSAFE = frozenset(
    {
        "9p",
        "afs",
        "ceph",
        "cifs",
        "fuse.sshfs",
        "glusterfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "v9fs",
        "virtiofs",
    }
)

_MOUNT_TABLE = "/proc/self/mountinfo"
_verdicts: dict[int, str] = {}


def parse_mount_table(text: str) -> dict[tuple[int, int], str]:
    """File system type by (major, minor) device, from the text of Linux's `/proc/self/mountinfo` (proc(5)).

    A malformed line is passed over: the table is read to refuse the known bad, not to validate the kernel.
    """
    table: dict[tuple[int, int], str] = {}
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if not separator or len(fields) < 5 or not kind:
            continue
        major, colon, minor = fields[2].partition(":")
        if colon and major.isdecimal() and minor.isdecimal():
            table[int(major), int(minor)] = kind[0]
    return table


def file_system_of(path: str) -> str:
    """The type of the file system that `path`'s directory is on, e.g. "ext4"; "unknown" without a mount table."""
    device = os.stat(os.path.dirname(path) or ".").st_dev
    try:
        with open(_MOUNT_TABLE, encoding="utf-8", errors="surrogateescape") as table:
            kinds = parse_mount_table(table.read())
    except OSError:
        return "unknown"
    return kinds.get((os.major(device), os.minor(device)), "unknown")


def is_mount_point(path: str) -> bool:
    """Whether the file at the real path `path` was mounted itself (mount --bind); False without a mount table."""
    try:
        with open(_MOUNT_TABLE, "rb") as table:
            mounts = table.read()
    except OSError:
        return False
    name = os.fsencode(path)
    for special in (b"\\", b" ", b"\t", b"\n"):  # the kernel writes them as three octal digits
        name = name.replace(special, b"\\%03o" % ord(special))
    return b" " + name + b" " in mounts


def refuse_unsafe(path: str) -> None:
    """Raise UnsafeFileSystem where WAL would corrupt the file: called before any pragma.

    Network and virtual file systems have anonymous devices (major 0), so a file on a disk costs one stat.
    """
    device = os.stat(os.path.dirname(path)).st_dev
    if os.name != "posix" or os.major(device) != 0:
        return
    kind = _verdicts.get(device)
    if kind is None:
        kind = _verdicts[device] = file_system_of(path)
    if kind in UNSAFE:
        message = (
            f"{path}: lies on {kind}, where SQLite's write-ahead log corrupts databases; choose a path on a local disk"
        )
        raise UnsafeFileSystem(message, database=path)
