"""Storms that went wrong after they had begun: errors that carry what was measured."""

from __future__ import annotations

from ..error_base import StormError
from ..results.result import StormRun

__all__ = ["StormInterrupted", "WorkloadFailed"]


class StormInterrupted(StormError):
    """A storm ended before its end: Ctrl-C, a worker that failed, was killed or hung, a full disk.

    `run` is what was measured until then, with its `partial` set to the reason; its ledger check holds for the writes
    acknowledged so far. The cause is the exception that ended it.
    """

    def __init__(self, message: str, run: StormRun) -> None:
        super().__init__(message)
        self.run = run

    @property
    def by_ctrl_c(self) -> bool:
        """Whether Ctrl-C ended it."""
        return isinstance(self.__cause__, KeyboardInterrupt)


class WorkloadFailed(StormError):
    """The caller's own function raised, and not because the database was busy. `run` is the whole storm's result.

    The message holds the traceback of the most frequent kind of failure, and how often each kind came.
    """

    def __init__(self, run: StormRun) -> None:
        first = run.failures[0]
        kinds = "\n".join(f"{failure.count} times {failure.line()}" for failure in run.failures)
        super().__init__(
            f"{run.workload}: {run.counts.failed} of {run.counts.attempted} writes failed; the first in worker "
            f"{first.worker}, write {first.sequence}:\n{first.traceback.rstrip()}\n{kinds}"
        )
        self.run = run
