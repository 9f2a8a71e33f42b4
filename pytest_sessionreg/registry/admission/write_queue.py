"""WriteQueue: writers are admitted in the order in which they came, and the wait has a deadline."""

from __future__ import annotations

import warnings
from time import monotonic, sleep

from ..errors import WriteTimeout
from .byte_locks import AVAILABLE
from .parameters import Parameters, at_least
from .ticket_line import SUFFIX, TicketLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WriteQueue"]

# The head of the queue alone polls, and only writers that do not queue can make it (DESIGN, the keystone: 0.1 to 1 ms).
_POLL_S = 0.0001


class WriteQueue(Parameters):
    """Wait in line for at most `patience` seconds (default 5), then BEGIN IMMEDIATE.

    The line is a sidecar file beside the database, `<database>-queue`. Writers that do not use the queue stay safe:
    SQLite's own lock decides. Where the platform or the file system has no open-file-description locks, every writer
    polls as the head does, until its patience ends; a RuntimeWarning says so once.
    """

    __slots__ = ("patience",)
    name = "queue"

    def __init__(self, patience: float = 5) -> None:
        self._set(patience=at_least(0, patience, "patience"))

    patience: float

    def bind(self, database: str) -> _Bound:
        """The queue of the file `database`."""
        return _Bound(self.patience, database)


class _Bound:
    __slots__ = ("_alone", "_database", "_line", "_patience", "_queued")
    busy_timeout_s = 0.0

    def __init__(self, patience: float, database: str) -> None:
        self._patience = patience
        self._database = database
        self._line: TicketLine | None = None
        self._queued = False
        self._alone = False
        if not AVAILABLE:
            _warn_unordered(database, "this platform has no open-file-description locks")
            return
        try:
            self._line = TicketLine(database + SUFFIX)
        except OSError as error:
            _warn_unordered(database, f"its sidecar {database + SUFFIX} cannot be opened ({error.strerror})")

    def admit(self, begin: Callable[[], bool]) -> int:
        started = monotonic()
        deadline = started + self._patience
        if not self._enter_alone():
            self._queue(started, deadline)
        busy = 0
        try:
            while not begin():
                busy += 1
                if monotonic() >= deadline:
                    raise self._timeout(started, busy, "begin", None)  # noqa: TRY301  the handler frees the place in line
                sleep(_POLL_S)
        except BaseException:
            self._give_up()
            raise
        return busy

    def leave(self) -> None:
        line = self._line
        if line is None:
            return
        alone, self._alone = self._alone, False
        queued, self._queued = self._queued, False
        try:
            if alone:
                line.leave_alone()
            elif queued:
                line.complete()
        except OSError as error:
            # the write is done, and must not look failed because the line is broken; closing frees our place in it
            self._line = None
            line.close()
            _warn_unordered(self._database, f"its sidecar failed ({error})")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    def _enter_alone(self) -> bool:
        """The short way in for a lone writer: two system calls instead of eight."""
        line = self._line
        if line is None:
            return False
        try:
            self._alone = line.enter_alone()
        except OSError:
            return False  # the long way says what is wrong
        return self._alone

    def _queue(self, started: float, deadline: float) -> None:
        """Stand in line until nobody is ahead. Without a usable sidecar there is no line, and SQLite's lock alone
        decides.
        """
        line = self._line
        if line is None:
            return
        try:
            self._queued = line.join(deadline)
            if self._queued and line.wait(deadline):
                return
            place = line.place() if self._queued else None
        except OSError as error:
            self._give_up()
            self._line = None
            line.close()
            _warn_unordered(self._database, f"its sidecar failed ({error})")
            return
        except BaseException:
            self._give_up()
            raise
        self._give_up()
        raise self._timeout(started, 0, "queue", place)

    def _give_up(self) -> None:
        if self._alone:
            self._alone = False
            if self._line is not None:
                self._line.leave_alone()
        if self._queued:
            self._queued = False
            if self._line is not None:
                self._line.abandon()

    def _timeout(self, started: float, busy: int, phase: str, place: int | None) -> WriteTimeout:
        waited_s = monotonic() - started
        where = "at SQLite's lock, held by a writer that does not queue" if phase == "begin" else "in line"
        ahead = "" if place is None else f", {place} ahead"
        return WriteTimeout(
            f"{self._database}: waited {waited_s:.2f} s {where}{ahead}; nothing was written: "
            "raise patience, or find the writer that holds the lock",
            database=self._database,
            waited_s=waited_s,
            busy=busy,
            phase=phase,
            place=place,
        )


def _warn_unordered(database: str, reason: str) -> None:
    warnings.warn(
        f"{database}: writers are not queued, because {reason}; they poll every {_POLL_S * 1000:g} ms instead",
        RuntimeWarning,
        stacklevel=2,
    )
