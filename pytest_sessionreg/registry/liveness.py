"""Whether the process of a session still lives."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["TOLERANCE_S", "is_dead", "pid_namespace", "process_identity", "process_start"]

# How far two readings of one process's start may lie apart: ticks since boot, added to a rounded boot time.
TOLERANCE_S = 2.0

# PROC_TIME_INIT_INO of linux/proc_ns.h: the time namespace in which ticks are counted from the boot itself.
_FIRST_TIME_NAMESPACE = "time:[4026531834]"
# Process states of proc(5) in which nothing runs any more.
_ENDED = (b"Z", b"X")

# What this process found out about itself, by the function that did.
_own: dict[object, object] = {}


def pid_namespace() -> str | None:
    """The namespace in which this process's pids mean something, e.g. "pid:[4026531836]"; None where there is no such
    thing.
    """
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def process_start(pid: int) -> datetime | None:
    """When process `pid` started, by today's wall clock; None where there is no such process or nothing may be known
    of it.
    """
    return _find_once(_start_since_boot, pid)


def process_identity(pid: int) -> str | None:
    """What tells process `pid` from every other one, whatever becomes of the wall clock: "<boot id>/<pid>/<ticks>".

    The ticks are those from boot to its start (proc_pid_stat(5), field 22). None where there is no such process, where
    the system does not say (any but Linux), and in a time namespace of one's own, which counts them differently.
    """
    return _find_once(_identity, pid)


def is_dead(
    pid: int | None,
    started_at: datetime | None,
    namespace: str | None,
    identity: str | None = None,
    *,
    start_of: Callable[[int], datetime | None] | None = None,
) -> bool:
    """Whether the process that was `pid`, started at `started_at`, in pid namespace `namespace`, is certainly gone.

    A pid of 0 or None is never dead, and a process of another namespace is not judged. identity: what
    `process_identity` said of it; where it speaks of another pid, or cannot be read here, the start decides: a living
    process that started more than TOLERANCE_S later or earlier is another one with the same number. start_of: how to
    learn that, for tests.
    """
    if not pid or (namespace is not None and namespace != pid_namespace()):
        return False
    verdict = None if identity is None else _is_another(pid, identity)
    return _is_gone(pid, started_at, start_of or _start) if verdict is None else verdict


def _is_gone(pid: int, started_at: datetime | None, start_of: Callable[[int], datetime | None]) -> bool:
    """Whether there is no process `pid` that still runs, or only one that started at another time."""
    import psutil

    try:
        if not psutil.pid_exists(pid):
            return True
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
    except (psutil.NoSuchProcess, OverflowError):  # the latter: a number that no process can have
        return True
    except psutil.AccessDenied:
        return False
    start = start_of(pid)
    return started_at is not None and start is not None and abs((start - started_at).total_seconds()) > TOLERANCE_S


def _is_another(pid: int, identity: str) -> bool | None:
    """Whether the process that now is `pid` has ended or is another one; None where that cannot be said so."""
    boot, _, rest = identity.partition("/")
    named, _, ticks = rest.partition("/")
    here = _find_once(_boot, os.getpid())
    if here is None or named != str(pid):
        return None
    if boot != here:
        return True
    found = _stat(pid)
    return None if found is None else found[0] in _ENDED or found[1] != ticks


def _find_once(find: Callable[[int], T], pid: int) -> T:
    """`find(pid)`, asked only once for this process itself."""
    if pid != os.getpid():
        return find(pid)
    if find not in _own:
        _own[find] = find(pid)
    return _own[find]  # type: ignore[return-value]


def _start(pid: int) -> datetime | None:
    import psutil  # here, because most sessions of a hook never ask

    try:
        return datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    except (psutil.Error, ValueError):
        return None


def _start_since_boot(pid: int) -> datetime | None:
    """As `_start`, on Linux without psutil, whose import costs a hook more than opening the database does."""
    found = _stat(pid)
    if found is None:
        return _start(pid)
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(found[1]) / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(time.time() - age_s, UTC)


def _identity(pid: int) -> str | None:
    boot = _find_once(_boot, os.getpid())
    found = None if boot is None else _stat(pid)
    return None if found is None else f"{boot}/{pid}/{found[1]}"


def _boot(_: int) -> str | None:
    """The id of the running kernel's boot; None where ticks since boot do not mean the same to all."""
    try:
        if os.readlink("/proc/self/ns/time") != _FIRST_TIME_NAMESPACE:
            return None
    except FileNotFoundError:  # Linux before 5.6 has no such namespaces
        pass
    except OSError:
        return None
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _stat(pid: int) -> tuple[bytes, str] | None:
    """A process's state and its start in ticks, which stand behind the name, which may hold anything (proc_pid_stat(5),
    fields 3 and 22); None where there is no such process, or no such file.
    """
    if sys.platform != "linux":  # others have files of that name, too
        return None
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return fields[0], str(int(fields[19]))
    except (OSError, IndexError, ValueError):
        return None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_own.clear)
