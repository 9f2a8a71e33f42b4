"""A process that holds the write lock, as a message names it."""

from __future__ import annotations

import os

from .parameters import Parameters

__all__ = ["Holder", "holder"]

# In characters: a command line is there to be recognised, on one line of a message.
_LONGEST_COMMAND = 120
# Process states of proc(5); every other letter is alive.
_STATES = {"T": "stopped", "t": "stopped", "Z": "gone", "X": "gone"}


class Holder(Parameters):
    """A process that keeps writers waiting.

    pid: its number. command: its command line, empty if it may not be read. state: "alive", "stopped" (SIGSTOP, or a
    debugger) or "gone". held_s: for how many seconds, None if unknown.
    """

    __slots__ = ("pid", "command", "state", "held_s")  # noqa: RUF023  the order in which they are given

    def __init__(self, pid: int, command: str, state: str, held_s: float | None = None) -> None:
        self._set(pid=pid, command=command, state=state, held_s=held_s)

    pid: int
    command: str
    state: str
    held_s: float | None

    def __str__(self) -> str:
        command = f" ({self.command})" if self.command else ""
        since = "" if self.held_s is None else f" for {self.held_s:.1f} s"
        return f"pid {self.pid}{command}, {self.state}{since}"


def holder(pid: int, held_s: float | None = None) -> Holder:
    """What is known of process `pid`, whose pid is of this process's namespace."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            letter = file.read().rpartition(")")[2].split()[0]
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            words = file.read().split("\0")
    except (FileNotFoundError, ProcessLookupError, IndexError):
        if os.path.isdir("/proc/self"):
            return Holder(pid, "", "gone", held_s)
        return _portable_holder(pid, held_s)
    except OSError:  # hidepid, or a process of another user that hides its command
        letter, words = "", []
    return Holder(pid, _one_line(words), _STATES.get(letter, "alive"), held_s)


def _portable_holder(pid: int, held_s: float | None) -> Holder:
    import psutil  # not everywhere: its import takes some 25 ms, on top of a deadline that has just passed

    try:
        process = psutil.Process(pid)
        status = process.status()
        words = process.cmdline()
    except psutil.NoSuchProcess:
        return Holder(pid, "", "gone", held_s)
    except (psutil.Error, ValueError, OverflowError):
        return Holder(pid, "", "alive", held_s)
    stopped = status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    return Holder(pid, _one_line(words), "stopped" if stopped else "alive", held_s)


def _one_line(words: list[str]) -> str:
    return " ".join(" ".join(words).split())[:_LONGEST_COMMAND]
