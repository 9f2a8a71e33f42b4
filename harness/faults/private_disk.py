"""A small disk that only some processes see: a tmpfs in a mount namespace of its own, which ends with them.

Needs no privilege where the kernel grants user namespaces (user_namespaces(7)); nothing is left mounted, not even after
a SIGKILL, because the mount lives as long as the processes in the namespace.
"""

from __future__ import annotations

import ctypes
import os
import sys

from pytest_sessionreg.error_base import StormError

__all__ = ["DiskRefused", "drop_privileges", "enter_disk", "make_disk"]

# <linux/sched.h>
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
# <linux/capability.h>, version 3: two halves of effective, permitted and inheritable
_CAPABILITY_VERSION = 0x20080522


class DiskRefused(StormError):
    """This kernel or this user may not mount a private disk."""


def make_disk(directory: str, kib: int) -> None:
    """Mount a tmpfs of `kib` KiB on `directory`, seen by this process and those that enter its namespaces.

    Raises DiskRefused where that is not permitted.
    """
    if sys.platform != "linux":
        raise DiskRefused("mount namespaces are Linux's; there are none here")
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS) == 0:
        try:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"0 {user} 1")
            _write("/proc/self/gid_map", f"0 {group} 1")
        except OSError as error:  # a security module grants the namespace, and nothing in it
            raise DiskRefused(f"mounting is not permitted here ({error.filename}: {error.strerror})") from None
    elif libc.unshare(_CLONE_NEWNS):
        raise DiskRefused(f"mounting is not permitted here (unshare: {os.strerror(ctypes.get_errno())})")
    if libc.mount(b"sessionreg", os.fsencode(directory), b"tmpfs", 0, f"size={kib}k,mode=0700".encode()):
        raise DiskRefused(f"mounting is not permitted here (mount: {os.strerror(ctypes.get_errno())})")


def enter_disk(keeper: int) -> None:
    """See the disk that process `keeper` has made."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.stat("/proc/self/ns/user").st_ino
    for kind, flag in (("user", _CLONE_NEWUSER), ("mnt", _CLONE_NEWNS)):
        descriptor = os.open(f"/proc/{keeper}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if kind == "user" and os.fstat(descriptor).st_ino == own:
                continue  # the keeper needed no namespace of users
            if libc.setns(descriptor, flag):
                raise DiskRefused(f"entering the private disk failed (setns: {os.strerror(ctypes.get_errno())})")
        finally:
            os.close(descriptor)


def drop_privileges() -> None:
    """Give up root's right to ignore permissions, in this process only: no capability is effective any more
    (capabilities(7)). Changes nothing for other users.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, nothing):
        raise StormError(
            f"root's privileges cannot be dropped (capset: {os.strerror(ctypes.get_errno())}); run as a user"
        )


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
