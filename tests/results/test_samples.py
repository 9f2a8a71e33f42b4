from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg import FixedInterval
from pytest_sessionreg.results.ideal import ideal_latencies_us
from pytest_sessionreg.results.samples import COMMITTED, Samples
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm


def _samples(*writes: tuple[int, int, int]) -> Samples:
    """One write of each worker: when it started, how long it waited and how long its hold was measured to be."""
    columns = {field.name: np.zeros(len(writes), dtype=np.int64) for field in dataclasses.fields(Samples)}
    columns["worker"] = np.arange(len(writes))
    for position, name in enumerate(("started_us", "wait_us", "hold_us")):
        columns[name] = np.array([write[position] for write in writes], dtype=np.int64)
    columns["late_us"] -= 1
    columns["outcome"] += COMMITTED
    return Samples(**columns)


def test_a_hold_ends_where_the_next_one_begins_whoever_looked_late_at_the_clock() -> None:
    samples = _samples((0, 0, 900), (100, 200, 50), (400, 0, 30))
    assert samples.locked_us.tolist() == [300, 50, 30]


def test_holds_that_do_not_overlap_are_as_they_were_measured() -> None:
    samples = _samples((400, 0, 30), (0, 0, 100), (50, 50, 300))
    assert samples.locked_us.tolist() == [30, 100, 300]


def test_a_write_that_was_not_admitted_cuts_no_hold() -> None:
    samples = _samples((0, 0, 900), (100, 200, 0))
    assert samples.locked_us.tolist() == [900, 0]


def test_a_hold_measured_too_long_does_not_lengthen_the_ideal() -> None:
    """The first lock is free after 300; a writer that came at 100 need not wait until 900."""
    samples = _samples((0, 0, 900), (100, 200, 50))
    assert sorted(ideal_latencies_us(samples)) == [250, 300]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 300)), max_size=30))
def test_one_at_a_time_has_the_lock_and_for_no_longer_than_was_measured(writes: list[tuple[int, int, int]]) -> None:
    samples = _samples(*writes)
    locked, begun = samples.locked_us, samples.started_us + samples.wait_us
    assert (locked <= samples.hold_us).all()
    assert (locked >= 0).all()
    order = np.argsort(begun[samples.hold_us > 0], kind="stable")
    ends = (begun + locked)[samples.hold_us > 0][order]
    assert (ends[:-1] <= begun[samples.hold_us > 0][order][1:]).all()


def test_the_lock_of_a_storm_of_polling_writers_is_not_held_for_longer_than_the_storm_lasted() -> None:
    for _ in range(20):
        run = run_storm(Plan(FixedInterval(), workers=16, writes=25, hold_ms=0.5, think_ms=0))
        assert run.utilization is not None
        assert run.utilization <= 1
        if run.samples.hold_us.sum() > run.samples.locked_us.sum():
            return
    pytest.fail("in no storm was anybody pushed off the processor at COMMIT")
