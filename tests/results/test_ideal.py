from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg.results.ideal import serve


def test_a_lone_writer_never_waits() -> None:
    assert serve([[5, 5, 5]], [[2, 3, 4]]) == [2, 3, 4]


def test_simultaneous_arrivals_are_served_one_after_another() -> None:
    assert serve([[0], [0], [0]], [[2], [2], [2]]) == [2, 4, 6]


def test_a_saturated_closed_loop_waits_for_everybody_else_once_per_turn() -> None:
    latencies = serve([[0] * 10] * 8, [[3] * 10] * 8)
    assert latencies[:8] == [3, 6, 9, 12, 15, 18, 21, 24]
    assert set(latencies[8:]) == {24}, "from the second turn on, each write waits for seven others"


def test_a_think_time_counts_from_the_end_of_the_write_before() -> None:
    # worker 0 holds from 0 to 10; worker 1 arrives at 1, waits till 10, holds to 20, thinks 5, finds it free at 25
    assert serve([[0], [1, 5]], [[10], [10, 10]]) == [10, 19, 10]


def test_no_writer_no_latency() -> None:
    assert serve([], []) == []
    assert serve([[], []], [[], []]) == []


def test_poisson_arrivals_wait_as_the_m_d_1_formula_says() -> None:
    """Pollaczek and Khinchine: at load rho and constant service s the mean wait is rho s / (2 (1 - rho))."""
    generator = random.Random(7)
    service, rho, count = 1.0, 0.6, 200_000
    arrival, thinks = 0.0, []
    for _ in range(count):
        arrival += generator.expovariate(rho / service)
        thinks.append([arrival])
    latencies = serve(thinks, [[service]] * count)
    assert sum(latencies) / count - service == pytest.approx(rho * service / (2 * (1 - rho)), rel=0.03)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=0, max_size=8),
        min_size=1,
        max_size=6,
    )
)
def test_no_write_is_faster_than_its_hold_and_the_lock_is_never_idle_while_one_waits(
    writes: list[list[tuple[int, int]]],
) -> None:
    thinks = [[think for think, _ in worker] for worker in writes]
    holds = [[hold for _, hold in worker] for worker in writes]
    latencies = serve(thinks, holds)
    total = sum(map(sum, holds))
    assert len(latencies) == sum(map(len, writes))
    assert all(latency <= total for latency in latencies)
    assert sum(latencies) >= total
