"""What a worker and its group say to each other: one kind byte, then a pickle where there is more to say."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CRASHING", "FAILURE", "GO", "MISSED", "READY", "VALUE", "MissedCrashPoint", "WorkerFailure"]

# Worker to group: prepared and waiting at the barrier; a result; a WorkerFailure; about to die at its crash point; a
# MissedCrashPoint.
READY = b"R"
VALUE = b"V"
FAILURE = b"F"
CRASHING = b"C"
MISSED = b"M"
# Group to worker: the barrier is released.
GO = b"G"


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """An exception that left a worker's function.

    phase: "prepare" (before the barrier), "run" or "result" (the result could not be pickled).
    kind: the exception's qualified name.
    message: its text.
    traceback: as Python prints it in the worker.
    """

    phase: str
    kind: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class MissedCrashPoint:
    """A worker was done before it came to its crash point.

    crash_at: the point.
    hits: how often it was passed, less often than asked for.
    seen: the named points passed.
    """

    crash_at: str
    hits: int
    seen: tuple[str, ...]
