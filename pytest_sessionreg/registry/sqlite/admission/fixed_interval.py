"""FixedInterval: try, sleep the same short while, try again: the fairest of the polling loops."""

from __future__ import annotations

from time import monotonic, sleep

from ...errors import WriteTimeout
from ...parameters import Parameters, at_least, warn_renamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FixedInterval"]


class FixedInterval(Parameters):
    """BEGIN IMMEDIATE again and again.

    interval: seconds between two attempts, 0.001 by default (`seconds`, its former name, warns).
    patience: for how many seconds it goes on, 5 by default.
    """

    __slots__ = ("interval", "patience")
    name = "interval"

    def __init__(self, interval: float = 0.001, patience: float = 5, *, seconds: float | None = None) -> None:
        if seconds is not None:
            warn_renamed("FixedInterval(seconds=...)", "FixedInterval(interval=...)")
            interval = seconds
        self._set(interval=at_least(0, interval, "interval"), patience=at_least(0, patience, "patience"))

    interval: float
    patience: float

    def bind(self, database: str) -> _Bound:
        """The interval at work on the file `database`."""
        return _Bound(self, database)


class _Bound:
    __slots__ = ("_database", "_policy")
    busy_timeout_s = 0.0

    def __init__(self, policy: FixedInterval, database: str) -> None:
        self._policy = policy
        self._database = database

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> int:
        if begin():
            return 0
        started = monotonic()
        deadline = started + (self._policy.patience if patience_s is None else patience_s)
        busy = 1
        while monotonic() < deadline:
            sleep(self._policy.interval)
            if begin():
                return busy
            busy += 1
        waited_s = monotonic() - started
        raise WriteTimeout(
            f"{self._database}: the write lock stayed busy through {busy} attempts ({waited_s:.2f} s); "
            "nothing was written: try again, or use WriteQueue, which waits its turn",
            database=self._database,
            waited_s=waited_s,
            busy=busy,
            phase="begin",
        )

    def leave(self) -> None:
        pass

    def close(self) -> None:
        pass
