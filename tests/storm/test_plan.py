from __future__ import annotations

from typing import Any

import pytest

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.storm.plan import Plan


@pytest.mark.parametrize(
    "change",
    [
        {"workers": 0},
        {"workers": 100_000},
        {"workers": 2.5},
        {"writes": 0},
        {"writes": None},
        {"duration_s": 1.0},
        {"duration_s": 0, "writes": None},
        {"hold_ms": -1},
        {"hold_ms": float("nan")},
        {"think_ms": float("inf")},
        {"think_ms": "5"},
        {"seed": -1},
        {"workload": "nothing"},
    ],
)
def test_a_parameter_that_makes_no_storm_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StormError, match=next(iter(change)).removesuffix("_s")):
        Plan(**{"policy": WriteQueue(), **change})
