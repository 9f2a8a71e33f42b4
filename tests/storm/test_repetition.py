from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_sessionreg import BusyTimeout, FixedInterval, RetryBudget, WriteQueue
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.policies import Own, policy_shown_as
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.repetition import plan_again
from pytest_sessionreg.storm.storm import run_storm
from pytest_sessionreg.storm.workloads.statements import Statements


@pytest.mark.parametrize(
    "plan",
    [
        Plan(RetryBudget(retries=3, max_delay=0.05), workers=2, writes=3, hold_ms=0.5, think_ms=1.5, seed=77),
        Plan(
            WriteQueue(patience=2), workers=2, writes=None, duration_s=0.2, think_ms=0, rate_per_s=50, workload="mixed"
        ),
        Plan(FixedInterval(), workers=1, writes=2, hold_ms=0, think_ms=0, workload=Statements("SELECT :worker;", "")),
    ],
)
def test_a_run_holds_all_it_takes_to_run_it_again(plan: Plan) -> None:
    again = plan_again(run_storm(plan))
    assert replace(again, workload="heartbeat") == replace(plan, workload="heartbeat")
    assert again.resolved().name == plan.resolved().name
    assert again.resolved().parameters == plan.resolved().parameters


@pytest.mark.parametrize("policy", [RetryBudget(1), BusyTimeout(0.5), FixedInterval(0.002, 3), WriteQueue(1), Own()])
def test_policies_come_back_from_their_text(policy: WriteQueue) -> None:
    assert policy_shown_as(repr(policy)) == policy


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("BusyTimeout(seconds=0.5)", BusyTimeout(patience=0.5)),
        ("FixedInterval(seconds=0.002, patience=3)", FixedInterval(interval=0.002, patience=3)),
    ],
)
def test_policies_of_results_of_version_0_1_come_back(text: str, policy: AdmissionPolicy) -> None:
    assert policy_shown_as(text) == policy


@pytest.mark.parametrize(
    "text", ["", "Hope()", "WriteQueue(", "WriteQueue(5)", "WriteQueue(patience=print())", "WriteQueue(hope=1)", "1"]
)
def test_text_that_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(StormError, match="cannot be made again"):
        policy_shown_as(text)


def test_a_function_of_a_test_is_repeated_by_its_test_only(storm: Storm) -> None:
    def write(path: str, worker: int, sequence: int) -> None:
        assert path
        assert worker + sequence >= 0

    run = storm(write, workers=1, writes=1)
    with pytest.raises(StormError, match="run that test again"):
        plan_again(run)
