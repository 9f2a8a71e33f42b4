"""Writes of a function that does everything itself: opens, begins, retries, commits."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from ...registry import WriteTimeout
from ...registry.admission.record import WriteRecord
from ..failures import FailureLog
from ..job import Job
from ..ledger import UNKNOWN_NS, Ledger
from .connection_writer import is_busy, sqlite_code

__all__ = ["PathWriter"]


class PathWriter:
    """`function(path, worker, sequence)`, timed as a whole: it returns and the write counts as acknowledged.

    An error with SQLite's primary code 5 behind it counts as exhausted, any other as failed.
    """

    def __init__(
        self, job: Job, ledger: Ledger, failures: FailureLog, function: Callable[[Any, int, int], object]
    ) -> None:
        self._job, self._ledger, self._failures, self._function = job, ledger, failures, function

    def write(self, sequence: int) -> None:
        """One call."""
        code: int | None = None
        outcome = "committed"
        started_ns = monotonic_ns()
        try:
            self._function(self._job.site.database, self._job.worker, sequence)
        except Exception as error:  # noqa: BLE001  the caller's code may raise anything
            ended_ns = monotonic_ns()
            code = sqlite_code(error)
            outcome = "exhausted" if is_busy(code) or isinstance(error, WriteTimeout) else "failed"
            if outcome == "failed":
                self._failures.add(error, sequence)
        else:
            ended_ns = monotonic_ns()
        self._ledger.after_ns = ended_ns - started_ns
        self._ledger(
            WriteRecord(started_ns, UNKNOWN_NS, UNKNOWN_NS, None, None, outcome, code, None if code is None else "body")
        )

    def close(self) -> None:
        """Nothing is open here."""
