from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_sessionreg.results.comparison import against_control, compare
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.results.result import StormResult, StormRun
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

from ..early_end import end_early

_QUIET = (1.00, 1.02, 0.98, 1.01, 0.99)


@pytest.fixture(scope="module")
def run() -> StormRun:
    return run_storm(Plan(policy_named("queue"), workers=2, writes=4, hold_ms=0, think_ms=1))


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment.of("/tmp/x.db")  # noqa: S108  only its file system is asked


def _rounds(run: StormRun, policy: str, p99_ms: Sequence[float | None]) -> list[StormRun]:
    return [
        replace(
            run,
            policy=policy,
            round=number,
            rounds=len(p99_ms),
            latency_ms=replace(run.latency_ms, p99=value),
            slowdown=replace(run.slowdown, p99=None if value is None else value / 2),
            throughput_per_s=100.0,
        )
        for number, value in enumerate(p99_ms, start=1)
    ]


def _result(environment: Environment, runs: Sequence[StormRun]) -> StormResult:
    return StormResult(environment=environment, command="sessionreg policies", runs=tuple(runs))


def test_a_round_that_ended_early_is_no_round(run: StormRun, environment: Environment) -> None:
    mark, queue = _rounds(run, "busy-timeout", [10.0] * 5), _rounds(run, "queue", [2.0] * 5)
    queue[2] = end_early(queue[2], "interrupted")
    (against,) = against_control([*mark, *queue])
    assert len(against.ratios[0].rounds) == 4
    early = compare(_result(environment, mark + queue), _result(environment, mark + queue))
    assert [policy.verdict for policy in early.policies] == ["no difference shown", "too few rounds"]


def test_a_policy_is_set_against_the_control_of_the_same_round(run: StormRun) -> None:
    weather = [1.0, 4.0, 2.0, 0.5, 3.0]
    mark = _rounds(run, "busy-timeout", [10 * value for value in weather])
    queue = _rounds(run, "queue", [2 * value for value in weather])
    (against,) = against_control([*reversed(queue), *mark])
    latency, slowdown, throughput = against.ratios
    assert against.policy == "queue"
    assert latency.rounds == pytest.approx([0.2] * 5)
    assert (latency.low, latency.high) == pytest.approx((0.2, 0.2))
    assert latency.differs
    assert slowdown.differs
    assert not throughput.differs


def test_only_rounds_that_both_have_are_pairs(run: StormRun) -> None:
    mark = _rounds(run, "busy-timeout", [10.0] * 5)
    queue = _rounds(run, "queue", [2.0] * 5)[1:3]
    (against,) = against_control([*mark, *queue])
    assert against.ratios[0].rounds == pytest.approx([0.2, 0.2])


def test_without_the_control_there_is_nothing_to_set_against(run: StormRun) -> None:
    assert against_control(_rounds(run, "queue", [1.0] * 5)) == ()
    assert against_control(_rounds(run, "busy-timeout", [1.0] * 5)) == ()


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.5, "faster"), (2.0, "slower"), (1.0, "no difference shown"), (1.005, "no difference shown")],
)
def test_a_difference_is_judged_by_its_interval(
    run: StormRun, environment: Environment, factor: float, verdict: str
) -> None:
    a = _result(environment, _rounds(run, "queue", [10 * value for value in _QUIET]))
    b = _result(environment, _rounds(run, "queue", [10 * factor * value for value in reversed(_QUIET)]))
    comparison = compare(a, b)
    (policy,) = comparison.policies
    assert (policy.verdict, comparison.differences) == (verdict, ())
    assert policy.ratios is not None
    assert policy.ratios[0].middle == pytest.approx(factor)


def test_a_few_rounds_are_too_few(run: StormRun, environment: Environment) -> None:
    a = _result(environment, _rounds(run, "queue", [10.0] * 5))
    b = _result(environment, _rounds(run, "queue", [90.0] * 4))
    assert compare(a, b).policies[0].verdict == "too few rounds"


def test_rounds_without_a_p99_are_too_short(run: StormRun, environment: Environment) -> None:
    a = _result(environment, _rounds(run, "queue", [10.0] * 5))
    b = _result(environment, _rounds(run, "queue", [None] * 5))
    assert compare(a, b).policies[0].verdict == "too few writes for a p99"


def test_lost_writes_come_before_speed(run: StormRun, environment: Environment) -> None:
    a = _result(environment, _rounds(run, "queue", [10.0] * 5))
    lossy = [replace(entry, counts=replace(entry.counts, lost=1)) for entry in _rounds(run, "queue", [1.0] * 5)]
    assert compare(a, _result(environment, lossy)).policies[0].verdict == "damage in B"


@pytest.mark.parametrize(
    "other",
    [
        {"cpu": "another one"},
        {"cpu_count": 96},
        {"kernel": "Linux 2.6"},
        {"python": "3.99.0"},
        {"sqlite_version": "3.99.0"},
        {"sqlite_source_id": "patched"},
        {"file_system": "tmpfs"},
        {"memory_gib": 4096.0},
    ],
)
def test_results_of_different_places_are_never_judged(
    run: StormRun, environment: Environment, other: dict[str, object]
) -> None:
    runs = _rounds(run, "queue", [10.0] * 5)
    elsewhere = replace(environment, **other)  # type: ignore[arg-type]
    comparison = compare(_result(environment, runs), _result(elsewhere, _rounds(run, "queue", [90.0] * 5)))
    (policy,) = comparison.policies
    assert len(comparison.differences) == 1
    assert next(iter(other)).replace("_", " ") in comparison.differences[0]
    assert (policy.verdict, policy.ratios) == (None, None)
    assert (policy.a.latency_ms.p99, policy.b.latency_ms.p99) == (10.0, 90.0)


def test_the_machine_is_the_same_when_it_is_busier(run: StormRun, environment: Environment) -> None:
    runs = _rounds(run, "queue", [10.0] * 5)
    busier = replace(environment, load_1m=50.0, memory_gib=environment.memory_gib + 0.1)
    assert compare(_result(environment, runs), _result(busier, runs)).differences == ()


@pytest.mark.parametrize("other", [{"workers": 99}, {"hold_ms": 9.0}, {"think_ms": 9.0}, {"writes": 9}])
def test_different_loads_are_said_to_be_different(
    run: StormRun, environment: Environment, other: dict[str, object]
) -> None:
    a = _rounds(run, "queue", [10.0] * 5)
    b = [replace(entry, **other) for entry in a]  # type: ignore[arg-type]
    (difference,) = compare(_result(environment, a), _result(environment, b)).differences
    assert difference.startswith(next(iter(other)).replace("_", " "))


def test_another_seed_is_the_same_load(run: StormRun, environment: Environment) -> None:
    a = _rounds(run, "queue", [10.0] * 5)
    b = [replace(entry, seed=77) for entry in a]
    assert compare(_result(environment, a), _result(environment, b)).differences == ()


def test_policies_of_one_result_alone_are_named(run: StormRun, environment: Environment) -> None:
    a = _result(environment, _rounds(run, "queue", [1.0]) + _rounds(run, "budget", [1.0]))
    b = _result(environment, _rounds(run, "queue", [1.0]) + _rounds(run, "interval", [1.0]))
    comparison = compare(a, b)
    assert (comparison.only_a, comparison.only_b) == (("budget",), ("interval",))
