"""Budgets and causes, held to storms whose figures are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from pytest_sessionreg import RetryBudget
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.results.causes import likeliest_causes
from pytest_sessionreg.results.ledger import OUTCOMES
from pytest_sessionreg.results.limits import LIMITS, Budget, BudgetExceeded, check_limits
from pytest_sessionreg.results.result import StormRun
from pytest_sessionreg.results.rounds import Rounds
from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm.analysis import Observations, analyse_storm
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.verification import Verification


@dataclass(frozen=True)
class Write:
    """One write, in microseconds."""

    worker: int
    started: int
    wait: int = 0
    hold: int = 2000
    retries: int = 0
    outcome: str = "committed"


def _run(writes: Sequence[Write], *, lost: int | None = 0) -> StormRun:
    ordered = sorted(writes, key=lambda write: (write.worker, write.started))
    columns = {name: np.zeros(len(ordered), dtype=np.int64) for name in Samples.__slots__}
    columns["late_us"] -= 1
    columns["sequence"] = np.arange(len(ordered), dtype=np.int64)
    for column, values in {
        "worker": [write.worker for write in ordered],
        "started_us": [write.started for write in ordered],
        "wait_us": [write.wait for write in ordered],
        "hold_us": [write.hold for write in ordered],
        "retries": [write.retries for write in ordered],
        "busy": [write.retries for write in ordered],
        "outcome": [OUTCOMES.index(write.outcome) for write in ordered],
    }.items():
        columns[column] = np.array(values, dtype=np.int64)
    plan = Plan(RetryBudget(), workers=len({write.worker for write in writes}), think_ms=10)
    return analyse_storm(plan, Samples(**columns), Observations(Verification(lost, 0, "ok")))


def _calm(*, workers: int = 4, turns: int = 100, shift: int = 0) -> list[Write]:
    """Nobody is ever in anybody's way."""
    return [
        Write(worker, (turn * workers + worker) * 10_000, hold=2000 + shift)
        for worker in range(workers)
        for turn in range(turns)
    ]


def test_a_storm_within_its_budget_passes() -> None:
    _run(_calm()).check(Budget(exhausted=0, busy_rate=0.2, p99_ms=2.1, slowdown_p99=1.5, lost=0))


def test_each_limit_says_by_how_much_it_was_exceeded() -> None:
    writes = _calm()
    writes[:8] = [replace(write, outcome="exhausted", hold=0) for write in writes[:8]]
    writes[8:] = [replace(write, wait=6000, retries=3) for write in writes[8:]]
    run = _run(writes, lost=2)
    with pytest.raises(BudgetExceeded) as caught:
        run.check(Budget(exhausted=5, lost=0, busy_rate=0.2, p99_ms=4, slowdown_p99=1.6))
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, StormError)
    text = str(caught.value)
    assert "heartbeat under budget, 4 writers: over its limits" in text
    assert "lost: 2 of 400 writes, the limit is 0" in text
    assert "exhausted: 8 of 400 writes, the limit is 5" in text
    assert "busy_rate: 0.75, the limit is 0.2, 3.75 times that" in text
    assert "p99_ms: 8, the limit is 4, 2.00 times that (one round has no interval" in text
    assert "slowdown_p99: 4, the limit is 1.6, 2.50 times that" in text
    assert [breach.limit for breach in caught.value.breaches] == [
        "lost",
        "exhausted",
        "busy_rate",
        "p99_ms",
        "slowdown_p99",
    ]


def test_lost_writes_are_explained_by_no_waiting() -> None:
    starved = [replace(write, wait=30_000) if write.worker == 2 else write for write in _calm()]
    with pytest.raises(BudgetExceeded) as caught:
        _run(starved, lost=2).check(Budget())
    assert str(caught.value).splitlines()[1:] == ["  lost: 2 of 400 writes, the limit is 0"]
    assert caught.value.causes == ()


def test_over_five_rounds_the_interval_decides() -> None:
    rounds = Rounds(tuple(_run(_calm(shift=shift)) for shift in (0, 100, 400, 600, 900)))
    with pytest.raises(BudgetExceeded, match=r"95 % interval over 5 rounds: 2\.\d+ to [23]\.\d+\)"):
        rounds.check(Budget(p99_ms=1.5))
    rounds.check(Budget(p99_ms=2.2))  # the middle is 2.4, its interval begins below the limit
    with pytest.raises(BudgetExceeded, match="4 rounds like these have no interval"):
        Budget(p99_ms=2.1).check(rounds[:4])


def test_rounds_too_short_for_a_p99_have_one_together() -> None:
    rounds = [_run(_calm(turns=50, shift=shift)) for shift in (0, 1000)]
    assert rounds[0].latency_ms.p99 is None
    (breach,) = check_limits(rounds, Budget(p99_ms=2.5)).breaches
    assert breach.found == pytest.approx(3)
    assert breach.low is None


def test_a_limit_without_a_figure_is_no_pass() -> None:
    with pytest.raises(StormError, match=r"p99_ms=50 cannot be checked: 40 writes are too few for a p99"):
        _run(_calm(turns=10)).check(Budget(p99_ms=50))
    with pytest.raises(StormError, match=r"lost=0 cannot be checked: .* lost=None"):
        _run(_calm(), lost=None).check(Budget())
    _run(_calm(), lost=None).check(Budget(lost=None))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"p98_ms": 1}, "p98_ms is no limit; choose from exhausted, failed, lost"),
        ({"busy_rate": 20}, "busy_rate=20: must be between 0 and 1"),
        ({"exhausted": 1.5}, "exhausted=1.5: must be a whole number"),
        ({"p99_ms": "fast"}, "p99_ms='fast': must be a number"),
        ({"lost": -1}, "lost=-1: must be between 0"),
    ],
)
def test_what_is_no_limit_is_refused(limits: dict[str, object], message: str) -> None:
    with pytest.raises(StormError, match=message):
        Budget.of(**limits)


def test_a_budget_reads_as_it_is_written() -> None:
    assert str(Budget(p99_ms=50, lost=None)) == "exhausted=0, failed=0, p99_ms=50"
    assert set(LIMITS) == {"exhausted", "failed", "lost", "busy_rate", "p99_ms", "slowdown_p99"}


def test_a_starved_worker_is_named() -> None:
    writes = [replace(write, wait=30_000) if write.worker == 2 else write for write in _calm()]
    (first, *_) = likeliest_causes([_run(writes)])
    assert first.text.startswith("worker 2 starved: its writes took 32 ms on average")


def test_one_long_transaction_is_named() -> None:
    writes = _calm()
    long = writes[150] = replace(writes[150], hold=900_000)
    # the others' next writes wait for it; all that come later come as much later
    waiting = {write.worker: number for number, write in reversed([*enumerate(writes)]) if write.started > long.started}
    del waiting[long.worker]
    for number, write in enumerate(writes):
        if number in waiting.values():
            writes[number] = replace(write, wait=long.started + long.hold + 3000 * write.worker - write.started)
        elif write.started > long.started:
            writes[number] = replace(write, started=write.started + long.hold)
    (first, *_) = likeliest_causes([_run(writes)])
    assert first.text.startswith("one transaction held the lock for 900 ms (worker 1, write 150)")


def test_holds_that_grew_are_seen() -> None:
    writes = [replace(write, hold=2000 if write.started < 2_000_000 else 7000) for write in _calm()]
    (first,) = likeliest_causes([_run(writes)])
    assert first.text == "holds grew: 2 ms in the storm's first half (median), 7 ms in its second"


def test_retries_that_grew_at_equal_load_are_seen() -> None:
    writes = [replace(write, retries=1 if write.started < 2_000_000 else 4) for write in _calm()]
    (first,) = likeliest_causes([_run(writes)])
    assert first.text == "retries grew at equal load: 1.00 a write in the storm's first half, 4.00 in its second"


def test_waits_beyond_those_of_a_fair_queue_are_the_policys() -> None:
    (first,) = likeliest_causes([_run([replace(write, wait=8000, retries=2) for write in _calm()])])
    assert "waits are the policy's, not the load's: a write took 10 ms on average under budget" in first.text
    assert "first come, first served it would take 2 ms" in first.text


def test_a_calm_storm_shows_no_cause() -> None:
    assert likeliest_causes([_run(_calm())]) == ()
    with pytest.raises(BudgetExceeded, match="no cause stands out in its samples"):
        _run(_calm()).check(Budget(p99_ms=1))


def test_at_most_two_causes_and_only_those_that_most_rounds_show() -> None:
    starved = _run([replace(write, wait=30_000) if write.worker == 2 else write for write in _calm()])
    calm = _run(_calm())
    assert len(likeliest_causes([starved])) == 2
    assert likeliest_causes([starved, calm, calm]) == ()


def test_a_real_storm_is_held_to_its_budget(storm: Storm) -> None:
    run = storm(policy=RetryBudget(retries=0), workers=6, writes=15, hold_ms=5, think_ms=0)
    with pytest.raises(BudgetExceeded, match=r"exhausted: \d+ of 90 writes, the limit is 0"):
        run.check(Budget())
    storm(workers=4, writes=10, think_ms=1).check(Budget(slowdown_p99=None))
