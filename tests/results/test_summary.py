from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.results.result import StormRun
from pytest_sessionreg.results.summary import partial_reason, rounds_by_policy, summarize_policies, summarize_policy
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

from ..early_end import end_early


@pytest.fixture(scope="module")
def run() -> StormRun:
    return run_storm(Plan(policy_named("queue"), workers=3, writes=10, hold_ms=0, think_ms=1))


def _round(run: StormRun, number: int, p99: float | None, **counts: int) -> StormRun:
    return replace(
        run,
        round=number,
        rounds=3,
        latency_ms=replace(run.latency_ms, p99=p99, max=10.0 * number),
        counts=replace(run.counts, **counts),
    )


def test_one_round_stands_as_its_run_says(run: StormRun) -> None:
    one = summarize_policy([run])
    assert (one.policy, one.rounds, one.planned_rounds, one.whole_rounds) == ("queue", 1, 1, 1)
    assert (one.attempted, one.acknowledged, one.lost, one.unchecked) == (30, 30, 0, 0)
    assert one.busy_rate == run.busy_rate
    assert one.contended_rate == pytest.approx(run.contended_rate)
    assert (one.latency_ms, one.slowdown) == (run.latency_ms, run.slowdown)
    assert one.throughput_per_s == run.throughput_per_s
    assert not one.broken


def test_rounds_add_up_their_counts_and_show_their_median(run: StormRun) -> None:
    rounds = [_round(run, 1, 5.0, exhausted=2), _round(run, 3, 9.0, failed=1), _round(run, 2, 6.0)]
    together = summarize_policy(rounds)
    assert (together.attempted, together.exhausted, together.failed, together.never_happened) == (90, 2, 1, 3)
    assert (together.latency_ms.p99, together.latency_ms.max) == (6.0, 30.0)


def test_a_figure_that_a_round_lacks_is_the_median_of_the_others(run: StormRun) -> None:
    assert summarize_policy([_round(run, 1, None), _round(run, 2, 4.0)]).latency_ms.p99 == 4.0
    assert summarize_policy([_round(run, 1, None)]).latency_ms.p99 is None


def test_rounds_that_are_missing_show(run: StormRun) -> None:
    some = summarize_policy([_round(run, 1, 5.0), _round(run, 2, 5.0)])
    assert (some.rounds, some.planned_rounds) == (2, 3)


def test_a_loss_in_one_round_is_a_loss(run: StormRun) -> None:
    assert summarize_policy([_round(run, 1, 5.0), _round(run, 2, 5.0, lost=1)]).broken
    damaged = summarize_policy([_round(run, 1, 5.0), replace(_round(run, 2, 5.0), integrity="page 3")])
    assert (damaged.broken, damaged.integrity) == (True, "page 3")


def test_retries_that_one_round_hides_are_unknown_for_all(run: StormRun) -> None:
    hidden = replace(run, round=2, counts=replace(run.counts, busy=None, retries=None), busy_rate=None)
    together = summarize_policy([run, hidden])
    assert (together.busy_rate, together.retries_per_write) == (None, None)


def test_the_busy_rate_is_over_all_begins(run: StormRun) -> None:
    one = replace(run, counts=replace(run.counts, attempted=10, exhausted=1, busy=16, retries=15))
    # 16 busy BEGINs of the one that gave up, and nine that succeeded
    assert summarize_policy([one]).busy_rate == pytest.approx(16 / 25)


def test_runs_are_grouped_by_policy_in_the_order_of_their_rounds(run: StormRun) -> None:
    runs = [_round(run, 2, 1.0), replace(_round(run, 1, 1.0), policy="own"), _round(run, 1, 1.0)]
    runs.append(replace(_round(run, 1, 1.0), policy="budget"))
    grouped = rounds_by_policy(runs)
    assert list(grouped) == ["budget", "queue", "own"]
    assert [entry.round for entry in grouped["queue"]] == [1, 2]
    assert [policy.policy for policy in summarize_policies(runs)] == ["budget", "queue", "own"]
    assert list(rounds_by_policy([run, replace(run, policy="budget")])) == ["queue", "budget"], "as they were asked for"


def test_a_whole_run_has_no_reason_to_be_partial(run: StormRun) -> None:
    assert partial_reason(run) is None
    assert summarize_policy([run]).partial == ()


def test_a_run_that_ended_early_says_why_in_one_line(run: StormRun) -> None:
    early = end_early(_round(run, 2, 5.0), "worker 3 was killed\nTraceback ...")
    together = summarize_policy([_round(run, 1, 5.0), early])
    assert together.partial == ("worker 3 was killed",)
    assert (together.rounds, together.whole_rounds) == (2, 1)
