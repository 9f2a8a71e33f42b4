"""WriteQueue: writers are admitted in the order in which they came, and the wait has a deadline.

How it works, and where its constants come from: docs/write-queue.md.
"""

from __future__ import annotations

import warnings
from errno import ESTALE
from time import monotonic, monotonic_ns, sleep

from ...errors import WriteTimeout
from ...parameters import Parameters, at_least, between
from .queue.line import line_of
from .queue.sidecar import LONGEST_SLICE_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...holder import Holder
    from .queue.line import Line

__all__ = ["WriteQueue"]

# The head of the line alone polls, and only writers that do not queue can make it.
_FIRST_POLL_S = 0.0001
_LAST_POLL_S = 0.001
# Without a line: the sleeps of the retry budget, but until patience ends.
_SHORTEST_SLEEP_S = 0.020
_LONGEST_SLEEP_S = 0.150
# A slice is for writers that come straight back: those that were away for less than this share of it.
_STRAIGHT_BACK = 0.5


class WriteQueue(Parameters):
    """Wait in line for at most `patience` seconds (default 5), then BEGIN IMMEDIATE.

    The line is a sidecar file beside the database, `<database>-queue`. Writers that do not use the queue stay safe:
    SQLite's own lock decides. slice: for how many seconds (default 0.001, at most 0.05; 0: strictly in turn) a writer
    that comes straight back may go on ahead of the line; with transactions of a few microseconds the hand-over costs
    more than the work (the curve in reports/write-queue). Where a platform has no open-file-description locks, one
    flock(2) keeps the order approximately; where the file system refuses both, every writer retries after 20 to 150 ms
    until its patience ends. A RuntimeWarning says so once.
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
    __slots__ = ("_database", "_left_ns", "_line", "_patience_s", "_slice_ns", "_straight_back_ns")
    busy_timeout_s = 0.0

    def __init__(self, policy: WriteQueue, database: str) -> None:
        self._patience_s = policy.patience
        self._slice_ns = round(policy.slice * 1e9)
        self._straight_back_ns = round(policy.slice * 1e9 * _STRAIGHT_BACK)
        self._database = database
        self._left_ns = 0
        self._line: Line | None = None
        self._open_line()

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> int:
        started_ns = monotonic_ns()
        slice_ns = self._slice_ns if started_ns - self._left_ns < self._straight_back_ns else 0
        line = self._line or self._open_line()
        try:
            if line is not None and line.enter_at_once(started_ns, slice_ns):
                if begin():
                    return 0
                line.make_room()
                return 1 + self._begin(begin, started_ns, self._deadline(started_ns, patience_s))
            deadline = self._deadline(started_ns, patience_s)
            if line is not None and not line.enter(deadline):
                raise self._timeout(started_ns, 0, "queue")  # noqa: TRY301  the handler frees our place
        except OSError as error:
            self._lose_line(error)
            if error.errno == ESTALE and self._open_line() is not None:
                return self.admit(begin, patience_s)  # in the line of those who come from now on
            return self._begin(begin, started_ns, self._deadline(started_ns, patience_s))
        except BaseException:
            self._give_up()
            raise
        return self._begin_as_head(begin, started_ns, deadline, slice_ns)

    def _begin_as_head(self, begin: Callable[[], bool], started_ns: int, deadline: float, slice_ns: int) -> int:
        try:
            busy = self._begin(begin, started_ns, deadline)
        except BaseException:
            self._give_up()
            raise
        if self._line is not None:
            try:
                if busy:
                    self._line.make_room()
                self._line.admitted(slice_ns)
            except OSError as error:
                self._lose_line(error)
        return busy

    def _deadline(self, started_ns: int, patience_s: float | None) -> float:
        return started_ns / 1e9 + (self._patience_s if patience_s is None else patience_s)

    def _begin(self, begin: Callable[[], bool], started_ns: int, deadline: float) -> int:
        """BEGIN, as the head of the line or without one; how often it was busy."""
        busy = 0
        poll_s = _FIRST_POLL_S
        while not begin():
            busy += 1
            remaining_s = deadline - monotonic()
            if remaining_s <= 0:
                raise self._timeout(started_ns, busy, "begin")
            if self._line is None:
                from random import uniform

                poll_s = uniform(_SHORTEST_SLEEP_S, _LONGEST_SLEEP_S)
            sleep(min(poll_s, remaining_s))
            poll_s = min(2 * poll_s, _LAST_POLL_S)
        return busy

    def leave(self) -> None:
        line = self._line
        if line is None:
            return
        try:
            line.leave(monotonic_ns())
        except OSError as error:
            # the write is done, and must not look failed because the line is broken; closing frees our place in it
            self._lose_line(error)
        self._left_ns = monotonic_ns()  # only now: leaving may give up the processor for a while

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    def _give_up(self) -> None:
        if self._line is not None:
            try:
                self._line.give_up()
            except OSError as error:
                self._lose_line(error)

    def _open_line(self) -> Line | None:
        try:
            self._line = line_of(self._database)
        except OSError as error:
            _warn_once(self._database, f"the sidecar {error.filename} cannot be opened ({error.strerror})")
            return None
        if self._line is None:
            _warn_once(self._database, "this platform has no file locks that end with their process")
        return self._line

    def _lose_line(self, error: OSError) -> None:
        """Do without a line for this write; the next one tries again. Closing the sidecar frees our place."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
        if error.errno != ESTALE:
            _warn_once(self._database, f"its sidecar failed ({error})")

    def _timeout(self, started_ns: int, busy: int, phase: str) -> WriteTimeout:
        place, holder = self._outlook()
        waited_s = (monotonic_ns() - started_ns) / 1e9
        where = "at SQLite's lock" if phase == "begin" else "in line" if place is None else f"in line, {place} ahead"
        held_by = "" if holder is None else f", held up by {holder}"
        return WriteTimeout(
            f"{self._database}: waited {waited_s:.2f} s {where}{held_by}; nothing was written: "
            "raise patience, or see to the process that holds the lock",
            database=self._database,
            waited_s=waited_s,
            busy=busy,
            phase=phase,
            place=place if phase == "queue" else None,
            holder=holder,
        )

    def _outlook(self) -> tuple[int | None, Holder | None]:
        """Our place in line; and who has SQLite's write lock, queued or not, or else who blocks the line."""
        place = blocker = None
        if self._line is not None:
            try:  # noqa: SIM105  contextlib would cost a cold start
                place, blocker = self._line.place(), self._line.blocker()
            except OSError:
                pass  # then the kernel alone knows
        try:
            from .queue.lock_holder import sqlite_holder
        except (ImportError, OSError):
            return place, None  # no descriptor is left to read it with
        return place, sqlite_holder(self._database, blocker)


_warned: set[str] = set()


def _warn_once(database: str, reason: str) -> None:
    if database in _warned:
        return
    _warned.add(database)
    warnings.warn(
        f"{database}: writers are not queued, because {reason}; each retries after "
        f"{_SHORTEST_SLEEP_S * 1000:g} to {_LONGEST_SLEEP_S * 1000:g} ms until its patience ends",
        RuntimeWarning,
        stacklevel=2,
    )
