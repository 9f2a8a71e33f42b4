"""A wall clock that jumps."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, tzinfo
from time import sleep
from typing import Self

from pytest_sessionreg.registry import clock

from ..fault import Fault
from ..scene import Board, Scene
from ..victim import PATIENCE_S
from ..writer import Seen

__all__ = ["ClockStep"]

_STEP = timedelta(hours=1)
_WATCHED_S = 0.3


class _Stepped(datetime):
    """A datetime class whose now() is an hour behind or ahead."""

    offset = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        stepped = datetime.now(tz) + cls.offset
        return cls(
            stepped.year,
            stepped.month,
            stepped.day,
            stepped.hour,
            stepped.minute,
            stepped.second,
            stepped.microsecond,
            tzinfo=stepped.tzinfo,
        )


class ClockStep(Fault):
    """Deadlines must not depend on it. The kernel's clock belongs to the whole machine and is not touched: what steps
    is what the writers' processes read, `time.time` and the registry's own clock.
    """

    name = "clock-step"
    summary = "every other writer's wall clock steps back by an hour, the others' forward; the kernel's is not touched"
    evidence = "house rule: timeouts are deadlines on the monotonic clock"

    def noticed(self, scene: Scene, worker: int) -> None:
        """Step this process's wall clock."""
        del scene
        _Stepped.offset = -_STEP if worker % 2 else _STEP
        real, step_s = time.time, _Stepped.offset.total_seconds()
        time.time = lambda: real() + step_s
        vars(clock)["datetime"] = _Stepped  # this process is thrown away afterwards

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Have every writer's clock step."""
        del scene
        board.begin()
        board.wait_for_writers(PATIENCE_S)
        sleep(_WATCHED_S)
        board.end()
        return "in the writers' own view", ()
