"""A wall clock that is wrong for one process: what its Python code reads of it. The machine's is not touched."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, tzinfo
from typing import Self

from pytest_sessionreg.registry import clock, identifier

__all__ = ["set_back"]

_time, _time_ns = time.time, time.time_ns
_behind_s = 0.0


class _WrongDatetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(seconds=_behind_s)


def set_back(seconds: float) -> None:
    """From now on this process's wall clock is so many seconds behind the machine's, or ahead of it if negative."""
    global _behind_s  # noqa: PLW0603  a process has one wall clock
    _behind_s = seconds
    time.time = lambda: _time() - _behind_s
    time.time_ns = lambda: _time_ns() - round(_behind_s * 1e9)
    vars(clock)["datetime"] = _WrongDatetime
    vars(identifier)["time_ns"] = time.time_ns
