"""What can go wrong with a group of workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from .message import Failure

__all__ = ["DeadlinePassed", "ProcessError", "WorkerDied", "WorkerFailed"]


class ProcessError(Exception):
    """Base of the errors of this package."""


class WorkerFailed(ProcessError):
    """A worker's function raised. `failures` holds a Failure per failed worker, by worker number."""

    def __init__(self, failures: Mapping[int, Failure], count: int) -> None:
        self.failures = dict(failures)
        first = min(failures)
        same = Counter(failure.traceback for failure in failures.values())
        lines = [f"{len(failures)} of {count} workers failed, the first is worker {first}; its traceback:"]
        for traceback, times in same.most_common():
            if times > 1:
                lines.append(f"({times} workers, same traceback)")
            lines.append(traceback.rstrip())
        super().__init__("\n".join(lines))


class WorkerDied(ProcessError):
    """Workers ended without a result: killed, or gone through `os._exit`. `statuses` maps worker number to exit status.

    A negative status is the signal that ended the process; None means that it could not be learned.
    """

    def __init__(self, statuses: Mapping[int, int | None], count: int) -> None:
        self.statuses = dict(statuses)
        named = ", ".join(f"worker {index} ({_cause(status)})" for index, status in sorted(statuses.items())[:8])
        more = f" and {len(statuses) - 8} more" if len(statuses) > 8 else ""
        super().__init__(
            f"{len(statuses)} of {count} workers died without a result: {named}{more}; see what killed them"
        )


class DeadlinePassed(ProcessError):
    """The deadline came before every worker was done. `workers` are the numbers of those that were not; they were
    killed.
    """

    def __init__(self, workers: tuple[int, ...], deadline_s: float, phase: str) -> None:
        self.workers = workers
        named = ", ".join(map(str, workers[:8])) + (" ..." if len(workers) > 8 else "")
        super().__init__(
            f"{len(workers)} workers were not done {phase} after {deadline_s:g} s (worker {named}) and were killed; "
            "raise the deadline if they only need longer"
        )


def _cause(status: int | None) -> str:
    if status is None:
        return "cause unknown"
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
