"""What can go wrong with a group of workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..error_base import SessionregError
from .message import MissedCrashPoint, WorkerFailure

__all__ = [
    "CrashPointMissed",
    "CrashPointUnknown",
    "DeadlinePassed",
    "GroupEmpty",
    "GroupEnded",
    "ProcessError",
    "WorkerDied",
    "WorkerEnded",
    "WorkerFailed",
]


class ProcessError(SessionregError):
    """Base of the errors of this package."""


class WorkerFailed(ProcessError):
    """A worker's function raised. `failures` holds a WorkerFailure per failed worker, by worker number."""

    def __init__(self, failures: Mapping[int, WorkerFailure], count: int) -> None:
        self.failures = dict(failures)
        same: dict[str, list[int]] = {}
        for index, failure in sorted(failures.items()):
            same.setdefault(failure.traceback, []).append(index)
        lines = [f"{len(failures)} of {count} workers failed, the first is worker {min(failures)}"]
        for traceback, indexes in same.items():
            lines.append(f"worker {indexes[0]}:" if len(indexes) == 1 else f"{_workers(indexes)}, same traceback):")
            lines.append(traceback.rstrip())
        super().__init__("\n".join(lines))


class WorkerDied(ProcessError):
    """Workers ended without a result: killed, or gone through `os._exit`. `statuses` maps worker number to exit status.

    A negative status is the signal that ended the process; None means that it could not be learned.
    """

    def __init__(self, statuses: Mapping[int, int | None], count: int) -> None:
        self.statuses = dict(statuses)
        named = ", ".join(
            f"worker {index} ({describe_status(status)})" for index, status in sorted(statuses.items())[:8]
        )
        more = f" and {len(statuses) - 8} more" if len(statuses) > 8 else ""
        super().__init__(
            f"{len(statuses)} of {count} workers died without a result: {named}{more}; see what ended them "
            "(a death that the test wants is one by `kill` or at a crash point)"
        )


class DeadlinePassed(ProcessError):
    """The deadline came before every worker was done. `workers` are the numbers of those that were not; they were
    killed.
    """

    def __init__(self, workers: tuple[int, ...], deadline_s: float, phase: str) -> None:
        self.workers = workers
        named = ", ".join(map(str, workers[:8])) + (" ..." if len(workers) > 8 else "")
        many, were = ("1 worker", "was") if len(workers) == 1 else (f"{len(workers)} workers", "were")
        super().__init__(
            f"{many} {were} not done {phase} after {deadline_s:g} s (worker {named}) and {were} killed; "
            "raise the deadline if they only need longer"
        )


class CrashPointMissed(ProcessError):
    """Workers finished without having come to their crash point. `missed` holds a MissedCrashPoint per worker."""

    def __init__(self, missed: Mapping[int, MissedCrashPoint]) -> None:
        self.missed = dict(missed)
        first = min(missed)
        what = missed[first]
        seen = ", ".join(map(repr, what.seen)) or "none"
        super().__init__(
            f"worker {first} finished and never came to its crash point ({what.crash_at}; passed {what.hits} times; "
            f"named points passed: {seen}); check its name, or let the worker do more"
        )


class CrashPointUnknown(ProcessError, LookupError):
    """A crash point's qualified name leads to no function whose calls can be seen."""


class GroupEmpty(ProcessError, ValueError):
    """A group without workers was waited for."""


class GroupEnded(ProcessError):
    """A worker's answer was asked for after its group had ended, and it had given none until then."""


class WorkerEnded(ProcessError):
    """A signal was meant for a worker that has ended."""


def _workers(indexes: Sequence[int]) -> str:
    shown = ", ".join(map(str, indexes[:8])) + (" ..." if len(indexes) > 8 else "")
    return f"workers {shown} ({len(indexes)} workers"


def describe_status(status: int | None) -> str:
    """An exit status in words."""
    if status is None:
        return "cause unknown"
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
