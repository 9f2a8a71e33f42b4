"""BusyTimeout: SQLite's own busy handler, which sleeps 1, 2, 5, 10 ... 100 ms and retries unseen."""

from __future__ import annotations

from time import monotonic

from ...errors import InvalidValue, WriteTimeout
from ...parameters import Parameters, at_least, warn_renamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BusyTimeout"]


class BusyTimeout(Parameters):
    """`PRAGMA busy_timeout`, and one BEGIN IMMEDIATE: what most advice amounts to.

    patience: for how many seconds SQLite waits, 5 by default (`seconds`, its former name, warns).

    The longest waiter polls least, so latecomers overtake it (the handler's delays: `sqliteDefaultBusyCallback` in
    main.c; docs/field-failures.md#late-comers-first).
    """

    __slots__ = ("patience",)
    name = "busy-timeout"

    def __init__(self, patience: float = 5, *, seconds: float | None = None) -> None:
        if seconds is not None:
            warn_renamed("BusyTimeout(seconds=...)", "BusyTimeout(patience=...)")
            patience = seconds
        self._set(patience=at_least(0, patience, "patience"))

    patience: float

    def bind(self, database: str) -> _Bound:
        """The timeout at work on the file `database`."""
        return _Bound(self, database)


class _Bound:
    __slots__ = ("_database", "busy_timeout_s")

    def __init__(self, policy: BusyTimeout, database: str) -> None:
        self.busy_timeout_s = policy.patience
        self._database = database

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> None:
        if patience_s is not None:
            raise InvalidValue(
                "patience",
                patience_s,
                "SQLite's busy timeout belongs to the connection; use WriteQueue or FixedInterval",
            )
        started = monotonic()
        if begin():
            return
        waited_s = monotonic() - started
        raise WriteTimeout(
            f"{self._database}: the write lock stayed busy through SQLite's busy timeout ({waited_s:.2f} s); "
            "nothing was written: try again, or use WriteQueue, which waits its turn",
            database=self._database,
            waited_s=waited_s,
            busy=None,
            phase="begin",
        )

    def leave(self) -> None:
        pass

    def close(self) -> None:
        pass
