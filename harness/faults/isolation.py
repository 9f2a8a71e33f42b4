"""What one process has to itself: mounts, a monotonic clock, and fewer privileges. All of it ends with the process.

Nothing is left mounted, not even after a SIGKILL: a mount lives as long as the processes in its namespace
(mount_namespaces(7)). No privilege is needed for mounts where the kernel grants user namespaces (user_namespaces(7)).
"""

from __future__ import annotations

import ctypes
import os
import sys

from pytest_sessionreg.error_base import StormError

__all__ = [
    "IsolationRefused",
    "bind",
    "drop_privileges",
    "enter_mounts",
    "mount_tmpfs",
    "own_mounts",
    "shift_monotonic",
]

# <linux/sched.h>
_CLONE_NEWTIME = 0x00000080
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
# <linux/mount.h>
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000
# <linux/capability.h>, version 3: two halves of effective, permitted and inheritable
_CAPABILITY_VERSION = 0x20080522


class IsolationRefused(StormError):
    """This kernel or this user may not have it."""


def own_mounts() -> None:
    """Have a mount namespace of our own from now on. Raises IsolationRefused."""
    libc = _libc()
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS) == 0:
        try:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"0 {user} 1")
            _write("/proc/self/gid_map", f"0 {group} 1")
        except OSError as error:  # a security module grants the namespace, and nothing in it
            raise IsolationRefused(f"mounting is not permitted here ({error.filename}: {error.strerror})") from None
    elif libc.unshare(_CLONE_NEWNS):
        raise IsolationRefused(f"mounting is not permitted here (unshare: {_reason()})")
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE, None)  # what is mounted here from now on, others do not see


def mount_tmpfs(directory: str, kib: int) -> None:
    """Mount a file system of `kib` KiB on `directory`. Raises IsolationRefused."""
    _mount("sessionreg", directory, "tmpfs", 0, f"size={kib}k,mode=0700")


def bind(source: str, target: str) -> None:
    """Show `source` where `target` is. Raises IsolationRefused."""
    _mount(source, target, None, _MS_BIND, None)


def enter_mounts(owner: int) -> None:
    """See the mounts of process `owner`. Raises IsolationRefused."""
    own = os.stat("/proc/self/ns/user").st_ino
    for kind, flag in (("user", _CLONE_NEWUSER), ("mnt", _CLONE_NEWNS)):
        path = f"/proc/{owner}/ns/{kind}"
        if kind == "mnt" or os.stat(path).st_ino != own:  # the owner may have needed no namespace of users
            _enter(path, flag)


def shift_monotonic(seconds: int) -> None:
    """Have CLOCK_MONOTONIC and CLOCK_BOOTTIME of this process differ by so much from now on (time_namespaces(7)).

    Raises IsolationRefused, also for a process with threads.
    """
    if _libc().unshare(_CLONE_NEWTIME):
        raise IsolationRefused(f"a time namespace is not permitted here (unshare: {_reason()})")
    try:
        _write("/proc/self/timens_offsets", f"monotonic {seconds} 0\nboottime {seconds} 0\n")
    except OSError as error:
        raise IsolationRefused(f"a time namespace is not permitted here ({error.strerror})") from None
    _enter("/proc/self/ns/time_for_children", _CLONE_NEWTIME)


def drop_privileges() -> None:
    """Give up root's right to ignore permissions, in this process only: no capability is effective any more
    (capabilities(7)). Changes nothing for other users.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc().capset(header, nothing):
        raise StormError(f"root's privileges cannot be dropped (capset: {_reason()}); run as a user")


def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise IsolationRefused("namespaces are Linux's; there are none here")
    return ctypes.CDLL(None, use_errno=True)


def _reason() -> str:
    return os.strerror(ctypes.get_errno())


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None) -> None:
    given = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if _libc().mount(*given[:3], flags, given[3]):
        raise IsolationRefused(f"mounting is not permitted here (mount on {target}: {_reason()})")


def _enter(path: str, flag: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc().setns(descriptor, flag):
            raise IsolationRefused(f"{path} cannot be entered (setns: {_reason()})")
    finally:
        os.close(descriptor)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
