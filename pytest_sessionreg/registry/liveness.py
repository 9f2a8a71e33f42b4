"""Whether the process of a session still lives."""

from __future__ import annotations

import os
from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TOLERANCE_S", "is_dead", "pid_namespace", "process_start"]

# How far two readings of one process's start may lie apart: ticks since boot, added to a rounded boot time.
TOLERANCE_S = 2.0

_own_start: dict[int, datetime | None] = {}


def pid_namespace() -> str | None:
    """The namespace in which this process's pids mean something, e.g. "pid:[4026531836]"; None where there is no such
    thing.
    """
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def process_start(pid: int) -> datetime | None:
    """When process `pid` started; None where there is no such process or nothing may be known of it."""
    if pid in _own_start:
        return _own_start[pid]
    start = _start(pid)
    if pid == os.getpid():
        _own_start.clear()  # a fork's child has another pid
        _own_start[pid] = start
    return start


def is_dead(
    pid: int | None,
    started_at: datetime | None,
    namespace: str | None,
    *,
    start_of: Callable[[int], datetime | None] | None = None,
) -> bool:
    """Whether the process that was `pid`, started at `started_at`, in pid namespace `namespace`, is certainly gone.

    A pid of 0 or None is never dead, and a process of another namespace is not judged. A living process that started
    more than TOLERANCE_S later or earlier is another one with the same number. start_of: how to learn that, for tests.
    """
    if not pid or (namespace is not None and namespace != pid_namespace()):
        return False
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
    start = (start_of or _start)(pid)
    return started_at is not None and start is not None and abs((start - started_at).total_seconds()) > TOLERANCE_S


def _start(pid: int) -> datetime | None:
    import psutil  # here, because most sessions of a hook never ask

    try:
        return datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    except (psutil.Error, ValueError):
        return None
