"""WriteQueue: writers that wait are admitted in the order in which they came, and the wait has a deadline.

How it works, and where its constants come from: docs/write-queue.md.
"""

from __future__ import annotations

import warnings
from errno import ESTALE
from time import monotonic_ns, sleep

from ...parameters import Parameters, at_least, between
from .queue.hints import LONGEST_SLICE_S
from .queue.line import line_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .queue.line import Line

__all__ = ["WriteQueue"]

# Without a line: the sleeps of the retry budget, but until patience ends.
_SHORTEST_SLEEP_S = 0.020
_LONGEST_SLEEP_S = 0.150
# The longest patience that there is: some 30 years.
_EVER_S = 1e9


class WriteQueue(Parameters):
    """BEGIN IMMEDIATE if nobody is in the way, else wait in line for at most `patience` seconds (default 5).

    The line needs two files beside the database, `<database>-line` and `<database>-line-bell`. Writers that do not use
    the queue stay safe: SQLite's own lock decides. slice: for how many seconds (default 0.001, at most 0.05; 0:
    strictly in turn) a writer that comes straight back may go on ahead of the line; with transactions of a few
    microseconds the hand-over costs more than the work (the curve in reports/write-queue). Where a platform has no
    open-file-description locks, one flock(2) keeps the order approximately; where the file system refuses both, every
    writer retries after 20 to 150 ms until its patience ends. A RuntimeWarning says so once.
    """

    __slots__ = ("patience", "slice")
    name = "queue"

    def __init__(self, patience: float = 5, slice: float = 0.001) -> None:  # noqa: A002  the schedulers' word for it
        self._set(
            patience=at_least(0, patience, "patience"),
            slice=between(0, LONGEST_SLICE_S, slice, "slice"),
        )

    patience: float
    slice: float

    def bind(self, database: str) -> _Bound:
        """The queue of the file `database`."""
        return _Bound(self, database)


class _Bound:
    __slots__ = ("_database", "_line", "_patience_ns", "_slice_ns")
    busy_timeout_s = 0.0

    def __init__(self, policy: WriteQueue, database: str) -> None:
        self._patience_ns = _nanoseconds(policy.patience)
        self._slice_ns = round(policy.slice * 1e9)
        self._database = database
        self._line: Line | None = None
        self._open_line()

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> int:
        patience_ns = self._patience_ns if patience_s is None else _nanoseconds(patience_s)
        started_ns = monotonic_ns()
        line = self._line
        try:
            if line is not None:
                return line.admit(begin, patience_ns)
        except OSError as error:
            self._lose_line(error)
        return self._admit_anew(begin, started_ns, patience_ns)

    def _admit_anew(self, begin: Callable[[], bool], started_ns: int, patience_ns: int) -> int:
        """In the line that is at the path by now, or without one, for what is left of the patience."""
        line = self._open_line()
        try:
            if line is not None:
                return line.admit(begin, max(started_ns + patience_ns - monotonic_ns(), 0))
        except OSError as error:
            self._lose_line(error)
        return self._retry(begin, started_ns, started_ns + patience_ns)

    def _retry(self, begin: Callable[[], bool], started_ns: int, deadline_ns: int) -> int:
        from random import uniform

        busy = 0
        while not begin():
            busy += 1
            left_ns = deadline_ns - monotonic_ns()
            if left_ns <= 0:
                from .queue.timeout import timed_out

                waited_s = (monotonic_ns() - started_ns) / 1e9
                raise timed_out(self._database, waited_s=waited_s, busy=busy)
            sleep(min(uniform(_SHORTEST_SLEEP_S, _LONGEST_SLEEP_S), left_ns / 1e9))
        return busy

    def prepare(self) -> None:
        """See Admission."""
        if self._line is not None:
            self._line.prepare()

    def keep_out(self) -> None:
        """See Admission."""
        if self._line is not None:
            self._line.keep_out()

    def leave(self) -> None:
        line = self._line
        if line is not None:
            try:
                line.leave()
            except OSError as error:
                # the write is done, and must not look failed because the line is broken; closing frees our place
                self._lose_line(error)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    def _open_line(self) -> Line | None:
        try:
            self._line = line_of(self._database, self._slice_ns)
        except OSError as error:
            self._line = None
            _warn_once(self._database, f"{error.filename or 'its file'} cannot be used ({error.strerror})")
            return None
        if self._line is None:
            _warn_once(self._database, "this platform has no file locks that end with their process")
        return self._line

    def _lose_line(self, error: OSError) -> None:
        """Do without this line. Closing it frees our place."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
        if error.errno != ESTALE:
            _warn_once(self._database, f"its files failed ({error})")


def _nanoseconds(patience_s: float) -> int:
    return round(min(patience_s, _EVER_S) * 1e9)


_warned: set[str] = set()


def _warn_once(database: str, reason: str) -> None:
    if database in _warned:
        return
    _warned.add(database)
    try:  # noqa: SIM105  contextlib would cost a cold start
        warnings.warn(
            f"{database}: writers are not queued, because {reason}; each retries after "
            f"{_SHORTEST_SLEEP_S * 1000:g} to {_LONGEST_SLEEP_S * 1000:g} ms until its patience ends",
            RuntimeWarning,
            stacklevel=2,
        )
    except RuntimeWarning:
        pass  # made an error by the caller's filters: but a write must not fail because it is not queued
