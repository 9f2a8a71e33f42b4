from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.storm.plan import Plan


def test_writes_are_due_on_a_fixed_schedule_over_all_workers(storm: Storm) -> None:
    run = storm(workers=4, writes=10, hold_ms=0, rate=200)
    assert (run.loop, run.rate_per_s, run.think_ms) == ("open", 200, 0)
    due = np.sort(run.samples.due_us)
    assert np.abs(due - np.arange(40) * 5000).max() <= 2, "one every 5 ms, to the rounding"
    assert (run.samples.late_us >= 0).all()
    assert (run.samples.latency_us >= run.samples.late_us + run.samples.wait_us + run.samples.hold_us).all()
    assert run.lost == 0


def test_a_slow_write_does_not_hide_those_that_were_due_meanwhile(storm: Storm) -> None:
    """No coordinated omission: 10 ms holds offered every 5 ms are measured from when they were due."""
    run = storm(workers=2, writes=20, hold_ms=10, rate=200)
    assert run.kept is False
    assert run.backlog is not None
    assert run.backlog >= 15
    assert run.latency_ms.max is not None
    assert run.latency_ms.max > 10 * 10, "the last of 40 writes comes half the storm late"
    assert run.slowdown.p50 is not None
    assert run.slowdown.p50 == pytest.approx(1, abs=0.3), "the ideal has the same arrivals, and falls behind as well"


def test_a_schedule_by_duration_ends(storm: Storm) -> None:
    run = storm(workers=3, duration_s=0.5, hold_ms=0, rate=60)
    assert run.counts.attempted == 30
    assert (run.writes, run.duration_s) == (None, 0.5)


def test_a_closed_loop_says_so(storm: Storm) -> None:
    run = storm(workers=1, writes=3, hold_ms=0, think_ms=0)
    assert (run.loop, run.rate_per_s, run.kept, run.backlog) == ("closed", None, None, None)
    assert set(run.samples.late_us.tolist()) == {-1}


def test_functions_with_a_path_and_hooks_keep_a_schedule_too(storm: Storm) -> None:
    def write(path: str, worker: int, sequence: int) -> None:
        Path(f"{path}-{worker}-{sequence}").touch()

    assert np.array_equal(np.sort(storm(write, workers=2, writes=3, rate=100).samples.due_us) // 1000 % 10, [0] * 6)
    hooks = storm("hook", workers=2, writes=2, hold_ms=0, rate=10).samples
    assert (hooks.latency_us >= hooks.late_us + hooks.before_us + hooks.after_us).all()


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), "5", 1e9])
def test_a_rate_that_makes_no_schedule_is_refused(rate: float) -> None:
    with pytest.raises(StormError, match="rate="):
        Plan(WriteQueue(), think_ms=0, rate_per_s=rate)


def test_a_rate_leaves_no_pauses() -> None:
    with pytest.raises(StormError, match="rate=5 and think_ms=3 exclude each other"):
        Plan(WriteQueue(), think_ms=3, rate_per_s=5)
