"""Writes of a function that does everything itself: begins, retries, commits, and given a path also opens."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from ...registry import WriteTimeout
from ...registry.sqlite.admission.record import WriteRecord
from ...results.failures import FailureLog
from ...results.ledger import UNKNOWN_NS, Ledger
from ..job import Job
from .connection_writer import is_busy, sqlite_code

__all__ = ["OwnWriter"]


class OwnWriter:
    """`function(given, worker, sequence)`, timed as a whole: it returns and the write counts as acknowledged.

    given: the path, or the store that the caller's `connect` opened.

    An error with SQLite's primary code 5 behind it counts as exhausted, any other as failed.
    """

    def __init__(
        self, job: Job, ledger: Ledger, failures: FailureLog, given: Any, function: Callable[[Any, int, int], object]
    ) -> None:
        self._job, self._ledger, self._failures = job, ledger, failures
        self._given, self._function = given, function

    def write(self, sequence: int) -> None:
        """One call."""
        code: int | None = None
        outcome = "committed"
        started_ns = monotonic_ns()
        try:
            self._function(self._given, self._job.worker, sequence)
        except Exception as error:  # noqa: BLE001  the caller's code may raise anything
            ended_ns = monotonic_ns()
            code = sqlite_code(error)
            outcome = "exhausted" if is_busy(code) or isinstance(error, WriteTimeout) else "failed"
            self._failures.add(error, sequence, exhausted=outcome == "exhausted")
        else:
            ended_ns = monotonic_ns()
        self._ledger.after_ns = ended_ns - started_ns
        self._ledger(
            WriteRecord(started_ns, UNKNOWN_NS, UNKNOWN_NS, None, None, outcome, code, None if code is None else "body")
        )

    def close(self) -> None:
        """Close the store, if it can be closed."""
        close = getattr(self._given, "close", None)
        if callable(close):
            close()
