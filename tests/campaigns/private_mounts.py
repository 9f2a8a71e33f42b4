"""Mounts that only this process and its children see, and that end with them."""

from __future__ import annotations

import ctypes
import os

__all__ = ["bind", "full_tmpfs", "private_mounts", "unmount"]

# mount(2), umount2(2), unshare(2).
_CLONE_NEWNS = 0x20000
_MNT_DETACH = 2
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000


def private_mounts() -> bool:
    """Have a mount namespace of our own from now on; whether that is permitted here."""
    library = ctypes.CDLL(None, use_errno=True)
    return not library.unshare(_CLONE_NEWNS) and not library.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None)


def bind(source: str, target: str) -> None:
    """Show `source` where `target` is."""
    _mount(source.encode(), target.encode(), None, _MS_BIND, None)


def full_tmpfs(directory: str, kibibytes: int) -> None:
    """A tmpfs of so many KiB on `directory`, made."""
    os.mkdir(directory)
    _mount(b"tmpfs", directory.encode(), b"tmpfs", 0, f"size={kibibytes}k".encode())


def unmount(directory: str) -> None:
    """Take away what was mounted on `directory`."""
    ctypes.CDLL(None).umount2(directory.encode(), _MNT_DETACH)


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, data: bytes | None) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.mount(source, target, kind, flags, data):
        raise OSError(ctypes.get_errno(), f"mount: {os.strerror(ctypes.get_errno())}", target.decode())
