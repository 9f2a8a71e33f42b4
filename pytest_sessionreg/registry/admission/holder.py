"""Who holds the write lock."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["Holder", "sqlite_holder"]

_KERNEL_LOCKS = "/proc/locks"
# SQLite's write lock: byte 120 of the -shm file (https://www.sqlite.org/walformat.html, 2.2).
_WAL_WRITE_LOCK = 120
# In characters: a command line is there to be recognised, on one line of a message.
_LONGEST_COMMAND = 120


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds the write lock.

    pid: its number. command: its command line, empty if it may not be read. state: "alive", "stopped" (SIGSTOP, or a
    debugger) or "gone".
    """

    pid: int
    command: str
    state: str

    def __str__(self) -> str:
        command = f" ({self.command})" if self.command else ""
        return f"pid {self.pid}{command}, {self.state}"


def _holder(pid: int) -> Holder:
    import psutil

    try:
        process = psutil.Process(pid)
        stopped = process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        gone = process.status() == psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError, OverflowError):
        return Holder(pid, "", "gone")
    try:
        command = " ".join(" ".join(process.cmdline()).split())[:_LONGEST_COMMAND]
    except psutil.Error:
        command = ""
    return Holder(pid, command, "gone" if gone else "stopped" if stopped else "alive")


def sqlite_holder(database: str) -> Holder | None:
    """Who holds SQLite's own write lock on `database`, queued or not, as the kernel knows it (proc(5)), or None.

    Linux only, and without opening the -shm file: closing a descriptor of it would drop this process's locks on it.
    """
    try:
        status = os.stat(database + "-shm")
        with open(_KERNEL_LOCKS, encoding="ascii", errors="replace") as table:
            lines = table.read().splitlines()
    except OSError:
        return None
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in lines:
        fields = line.split()
        # e.g. "1: POSIX ADVISORY WRITE 4711 fe:00:262147 120 120"; a waiting request has "->" in front
        if len(fields) == 8 and fields[1] == "POSIX" and fields[3] == "WRITE" and fields[5] == wanted:
            pid, first, last = fields[4], fields[6], fields[7]
            if pid.isdecimal() and first == last == str(_WAL_WRITE_LOCK):
                return _holder(int(pid))
    return None
