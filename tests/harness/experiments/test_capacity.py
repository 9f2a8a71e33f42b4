from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.console import Console

from pytest_sessionreg import RetryBudget
from pytest_sessionreg._harness.experiments.capacity.confidence import failing_share_bound
from pytest_sessionreg._harness.experiments.capacity.experiment import capacity
from pytest_sessionreg._harness.experiments.capacity.law import longest_patience_ms, mean_patience_ms
from pytest_sessionreg._harness.experiments.capacity.load import CapacityLoad, CapacityRound, Target
from pytest_sessionreg._harness.experiments.capacity.result import KIND, SCHEMA, CapacityResult
from pytest_sessionreg._harness.experiments.capacity.search import search
from pytest_sessionreg._harness.experiments.capacity.table import capacity_table, finding
from pytest_sessionreg.errors import ResultError, StormError
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment

_TARGET = Target(p99_ms=250, rounds_share=0.99)


def _round(
    writers: int = 8,
    *,
    writes: int = 400,
    gave_up: int = 0,
    slow: int = 0,
    policy: str = "queue",
    hold_ms: float = 2.0,
    question: str = "target",
) -> CapacityRound:
    return CapacityRound(
        question=question,
        policy=policy,
        hold_ms=hold_ms,
        writers=writers,
        seed=1,
        writes=writes,
        gave_up=gave_up,
        slow=slow,
        p99_ms=100.0 if writes >= 368 else None,
        longest_ms=300.0,
        utilization=0.5,
        lost=0,
    )


@pytest.fixture
def frame(database: str) -> CapacityResult:
    """A result of some canned rounds."""
    rounds = [_round(8), _round(12, slow=40), _round(8, policy="budget", gave_up=3)]
    return CapacityResult(
        envelope=Envelope(KIND, SCHEMA, "sessionreg capacity", Environment.of(database)),
        target=_TARGET,
        policies=("budget", "queue"),
        holds_ms=(2.0,),
        think_ms=0.0,
        workers=12,
        hold_ms=2.0,
        ceiling=16,
        round_s=0.4,
        survival_round_s=3.15,
        planned_s=9.0,
        rounds=(*rounds, _round(8, question="survival")),
    )


@pytest.fixture(scope="module")
def small() -> CapacityResult:
    """Holds of 40 ms without a pause: a p99 of 250 ms is then out of reach for a dozen writers under any policy.

    It ends when the target's frontiers are found, and the other question has been asked once.
    """
    asked: list[str] = []

    def check() -> None:
        if sum("no write given up" in now for now in asked) > 1:
            raise KeyboardInterrupt

    return capacity(
        policies=["budget", "queue"],
        holds_ms=[40.0],
        hold_ms=40.0,
        think_ms=0.0,
        workers=12,
        ceiling=16,
        seconds=600.0,
        round_s=0.4,
        on_step=lambda now, _done, _total: asked.append(now),
        check=check,
    )


@given(some.integers(1, 300), some.integers(1, 300), some.integers(0, 300))
def test_the_search_closes_in_on_the_true_limit(start: int, ceiling: int, limit: int) -> None:
    tried: list[int] = []

    def holds(writers: int) -> bool:
        tried.append(writers)
        return writers <= limit

    low, high = search(holds, start=start, ceiling=ceiling)
    assert low <= limit
    assert high is None or high > limit
    assert (high is None) == (low == ceiling)
    assert high is None or high - low == 1 or high / low <= 1.15
    assert all(1 <= writers <= ceiling for writers in tried)
    assert len(tried) == len(set(tried)) <= 20


def test_so_many_good_rounds_prove_so_much() -> None:
    assert failing_share_bound(1) == pytest.approx(0.95)
    assert failing_share_bound(100) == pytest.approx(3 / 100, rel=0.02), "the rule of three"
    assert failing_share_bound(298) > 0.01 > failing_share_bound(299)
    assert failing_share_bound(10, 1) == pytest.approx(0.3942, abs=1e-4), "Clopper and Pearson's table"
    assert failing_share_bound(5, 5) == 1.0


def test_the_law_has_the_numbers_of_the_deployed_budget() -> None:
    assert mean_patience_ms() == pytest.approx(1275)
    assert longest_patience_ms() == pytest.approx(2250)
    assert 0.65 ** (RetryBudget().retries + 1) == pytest.approx(0.001, rel=0.1), "as the module says"


def test_one_round_that_gave_up_a_write_fails_until_a_hundred_others_did_not() -> None:
    bad, good = _round(gave_up=1), _round()
    assert CapacityLoad(8, (bad,)).holds("target", _TARGET) is False
    assert CapacityLoad(8, (bad, *[good] * 98)).holds("target", _TARGET) is False
    assert CapacityLoad(8, (bad, *[good] * 99)).holds("target", _TARGET) is True
    assert CapacityLoad(8, (bad,)).holds("survival", _TARGET) is False


def test_a_tail_is_judged_by_the_share_of_slow_writes() -> None:
    assert CapacityLoad(8, (_round(slow=4),)).holds("target", _TARGET) is True
    assert CapacityLoad(8, (_round(slow=5),)).holds("target", _TARGET) is False
    assert CapacityLoad(8, (_round(slow=400),)).holds("survival", _TARGET) is True
    few = _round(writes=100, slow=2)
    assert CapacityLoad(8, (few,)).holds("target", _TARGET) is None, "two slow writes prove nothing yet"
    assert CapacityLoad(8, (few, few, few)).holds("target", _TARGET) is False
    assert CapacityLoad(8, (few, _round(writes=200))).holds("target", _TARGET) is True
    assert CapacityLoad(8, ()).holds("target", _TARGET) is None


def test_the_frontier_lies_below_the_frameest_load_that_failed(frame: CapacityResult) -> None:
    rounds = (_round(8), _round(12), _round(16, gave_up=3), _round(20), _round(10), _round(12))
    (point,) = replace(frame, rounds=rounds).points()
    assert (point.held, point.failed, point.rounds, point.harder) == (12, 16, 2, 1)
    assert point.failing_share == pytest.approx(failing_share_bound(3))
    assert point.done
    (wide,) = replace(frame, rounds=(_round(8), _round(16, gave_up=3))).points()
    assert (wide.held, wide.failed, wide.done) == (8, 16, False)


@pytest.mark.slow
def test_a_real_search_finds_less_room_under_the_budget_than_in_the_queue(small: CapacityResult) -> None:
    points = {(point.question, point.policy): point for point in small.points()}
    budget, queue = points["target", "budget"], points["target", "queue"]
    assert queue.failed is not None
    assert queue.failed > 2, "two writers take their turns within 250 ms"
    assert budget.held <= queue.held
    assert small.lost == 0
    assert {entry.question for entry in small.rounds} == {"target", "survival"}
    assert all(entry.writers <= 16 for entry in small.rounds)


@pytest.mark.slow
def test_the_asked_load_is_placed(small: CapacityResult) -> None:
    text = finding(small)
    assert "A load of 12 writers x 40 ms" in text
    assert "fails under" in text
    assert "is the target, not the proof" in text


@pytest.mark.slow
def test_an_earlier_result_is_taken_up_and_another_machines_is_not(small: CapacityResult) -> None:
    same = {"holds_ms": [40.0], "hold_ms": 40.0, "think_ms": 0.0, "workers": 12, "ceiling": 16, "round_s": 0.4}
    again = capacity(policies=["queue"], seconds=1e-9, earlier=small, **same)  # type: ignore[arg-type]
    assert again.rounds == small.rounds
    with pytest.raises(StormError, match="another think_ms"):
        capacity(policies=["queue"], seconds=1e-9, earlier=replace(small, think_ms=5.0), **same)  # type: ignore[arg-type]
    elsewhere = replace(small.envelope, environment=replace(small.envelope.environment, cpu="abacus"))
    with pytest.raises(StormError, match="another cpu"):
        capacity(policies=["queue"], seconds=1e-9, earlier=replace(small, envelope=elsewhere), **same)  # type: ignore[arg-type]


def test_the_result_survives_json(frame: CapacityResult) -> None:
    text = frame.to_json()
    again = CapacityResult.from_json(text)
    assert again == frame
    assert again.to_json() == text
    with pytest.raises(ResultError, match="lacks or misnames"):
        CapacityResult.from_json(text.replace('"utilization"', '"idleness"'))


def test_the_table_fits_100_columns(frame: CapacityResult, capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=100).print(capacity_table(frame))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert not any("…" in line for line in lines)


def test_an_interrupted_search_keeps_its_rounds() -> None:
    begun: list[str] = []

    def check() -> None:
        if len(begun) == 2:
            raise KeyboardInterrupt

    result = capacity(
        policies=["interval"],
        holds_ms=[5.0],
        hold_ms=5.0,
        seconds=600,
        round_s=0.2,
        ceiling=4,
        on_step=lambda now, _done, _total: begun.append(now),
        check=check,
    )
    assert result.envelope.partial == "interrupted"
    assert len(result.rounds) == 1


def test_a_load_that_is_no_storm_is_refused_before_anything_runs() -> None:
    with pytest.raises(StormError, match="workers=0"):
        capacity(workers=0, seconds=1)
