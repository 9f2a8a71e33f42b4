"""The analysis, held to storms whose answers are known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.results.ledger import OUTCOMES
from pytest_sessionreg.results.result import StormRun
from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm.analysis import Observations, analyse_storm
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.verification import Verification

_SOUND = Observations(Verification(lost=0, duplicated=0, integrity="ok"))


@dataclass(frozen=True)
class Write:
    """One write of a simulated storm, in microseconds."""

    worker: int
    started: float
    wait: float
    hold: float
    late: float = -1
    before: float = 0
    after: float = 0
    outcome: str = "committed"


def _samples(writes: Sequence[Write]) -> Samples:
    ordered = sorted(writes, key=lambda write: (write.worker, write.started))
    columns = {name: np.zeros(len(ordered), dtype=np.int64) for name in Samples.__slots__}
    for name in ("worker", "started", "wait", "hold", "late", "before", "after"):
        column = name if name == "worker" else f"{name}_us"
        columns[column] = np.array([round(getattr(write, name)) for write in ordered], dtype=np.int64)
    columns["outcome"] = np.array([OUTCOMES.index(write.outcome) for write in ordered], dtype=np.int64)
    return Samples(**columns)


def _run(writes: Sequence[Write], *, rate_per_s: float | None = None) -> StormRun:
    workers = len({write.worker for write in writes})
    plan = Plan(WriteQueue(), workers=workers, think_ms=0 if rate_per_s else 1, rate_per_s=rate_per_s)
    return analyse_storm(plan, _samples(writes), _SOUND)


def test_an_m_d_1_queue_waits_as_pollaczek_and_khinchine_say() -> None:
    """Poisson arrivals at load rho, constant service 1/mu: the mean wait is rho / (2 mu (1 - rho)).

    Simulated by Lindley's recursion, which is not how the ideal is computed; perfectly served, its slowdown is 1.
    """
    generator = random.Random(11)
    service, rho, count, workers = 2000.0, 0.7, 100_000, 50
    wait, arrival = 0.0, 0.0
    writes = []
    for number in range(count):
        writes.append(Write(number % workers, arrival + wait, 0, service, late=wait))
        gap = generator.expovariate(rho / service)
        arrival += gap
        wait = max(0.0, wait + service - gap)
    run = _run(writes, rate_per_s=rho / service * 1e6)
    mean_wait = float(run.samples.latency_us.mean()) - service
    assert mean_wait == pytest.approx(rho * service / (2 * (1 - rho)), rel=0.05)
    assert run.utilization == pytest.approx(rho, rel=0.02)
    assert (run.slowdown.p50, run.slowdown.p99, run.slowdown.p999) == pytest.approx((1, 1, 1), abs=0.01)
    assert run.loop == "open"
    assert run.kept


def test_a_constant_service_closed_loop_waits_for_everybody_else() -> None:
    """N workers without a pause and a service of D: each write takes N D, and 1/D writes are done a second."""
    workers, service, turns = 8, 3000, 60
    writes = [
        Write(
            worker,
            started=0 if turn == 0 else ((turn - 1) * workers + worker + 1) * service,
            wait=worker * service if turn == 0 else (workers - 1) * service,
            hold=service,
        )
        for worker in range(workers)
        for turn in range(turns)
    ]
    run = _run(writes)
    assert run.latency_ms.p50 == run.latency_ms.max == workers * service / 1000
    assert run.ideal_ms == run.latency_ms
    assert run.slowdown.p99 == 1
    assert run.utilization == pytest.approx(1)
    assert run.throughput_per_s == pytest.approx(1e6 / service)
    assert run.contended_rate == pytest.approx(1 - 1 / len(writes))
    assert run.loop == "closed"
    assert (run.kept, run.backlog, run.rate_per_s) == (None, None, None)


def test_a_planted_slow_worker_shows_in_the_fairness() -> None:
    """Jain's index of n - 1 equal means and one k times as long: (n - 1 + k)^2 / (n (n - 1 + k^2))."""

    def fairness(slow: int) -> float | None:
        return _run(
            [
                Write(worker, started=turn * 100_000, wait=0, hold=1000 * (slow if worker == 3 else 1))
                for worker in range(8)
                for turn in range(10)
            ]
        ).fairness

    assert fairness(1) == pytest.approx(1)
    assert fairness(10) == pytest.approx((7 + 10) ** 2 / (8 * (7 + 100)))


def test_twice_the_wait_of_a_perfect_queue_is_a_slowdown_of_two() -> None:
    gap = 100_000
    writes = [Write(0, started=turn * gap, wait=5000, hold=5000) for turn in range(500)]
    assert _run(writes).slowdown.p99 == 2


def test_what_a_hook_spends_outside_the_lock_is_kept_in_the_ideal() -> None:
    writes = [
        Write(
            worker, started=turn * 100_000 + 40_000, wait=worker * 2000, hold=2000, before=40_000, after=worker * 1000
        )
        for worker in range(2)
        for turn in range(200)
    ]
    run = _run(writes)
    assert run.latency_ms.max == 45
    assert run.ideal_ms.max == 45, "the two hooks come at once: one waits for the other"
    assert run.contended_rate == 0.5


def test_a_failed_write_counts_the_median_hold_in_the_ideal() -> None:
    writes = [Write(0, started=turn * 10_000, wait=0, hold=1000) for turn in range(500)]
    writes += [Write(1, started=10_000_000, wait=5000, hold=0, outcome="exhausted")]
    run = _run(writes)
    assert run.counts.exhausted == 1
    assert run.ideal_ms.max == 1


def test_an_open_loop_that_falls_behind_is_said_not_to_be_kept() -> None:
    """Twice the load that can be served: half of the writes are due and not begun when the last one is due."""

    def served(interval: int) -> StormRun:
        service = 2000
        free_at, writes = 0, []
        for number in range(400):
            due = number * interval
            free_at = max(free_at, due)
            writes.append(Write(number % 4, started=free_at, wait=0, hold=service, late=free_at - due))
            free_at += service
        return _run(writes, rate_per_s=1e6 / interval)

    overloaded = served(interval=1000)
    assert overloaded.kept is False
    assert overloaded.backlog == pytest.approx(200, abs=2)
    assert overloaded.latency_ms.max == pytest.approx(401, abs=2), "from the scheduled instant, not from the begin"
    calm = served(interval=4000)
    assert calm.kept is True
    assert calm.backlog == 0


def test_a_passing_jam_is_not_taken_for_an_overload() -> None:
    late = [0] * 100 + list(range(300_000, 0, -3000)) + [0] * 200
    starts = [number * 10_000 + delay for number, delay in enumerate(late)]
    assert all(one <= other for one, other in pairwise(starts))
    writes = [
        Write(number % 4, started=start, wait=0, hold=100, late=delay)
        for number, (start, delay) in enumerate(zip(starts, late, strict=True))
    ]
    assert _run(writes, rate_per_s=100).kept


def test_where_wait_and_hold_are_unknown_nothing_is_made_of_them() -> None:
    run = _run([Write(0, started=turn * 10_000, wait=-1, hold=-1, after=3000) for turn in range(500)])
    assert run.latency_ms.p99 == 3
    assert (run.contended_rate, run.utilization, run.ideal_ms.p50, run.slowdown.p99) == (None, None, None, None)


def test_no_write_makes_no_result() -> None:
    with pytest.raises(StormError, match="no write was attempted"):
        analyse_storm(Plan(WriteQueue()), _samples([]), _SOUND)
