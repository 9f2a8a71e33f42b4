"""FixedInterval: try, sleep the same short while, try again: the fairest of the polling loops."""

from __future__ import annotations

from time import monotonic, sleep

from ...errors import WriteTimeout
from ...parameters import Parameters, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FixedInterval"]


class FixedInterval(Parameters):
    """BEGIN IMMEDIATE every `seconds` until `patience` seconds have passed (default: as long as the busy timeout's 5
    s).
    """

    __slots__ = ("seconds", "patience")  # noqa: RUF023  the order in which they are given
    name = "interval"

    def __init__(self, seconds: float = 0.001, patience: float = 5) -> None:
        self._set(seconds=at_least(0, seconds, "seconds"), patience=at_least(0, patience, "patience"))

    seconds: float
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
            sleep(self._policy.seconds)
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
