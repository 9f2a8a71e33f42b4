from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg.errors import ResultError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.result import Quantiles, Slowdown, StormResult, StormRun, quantile


@pytest.mark.parametrize(("q", "enough"), [(0.5, 6), (0.9, 36), (0.99, 368), (0.999, 3688)])
def test_a_quantile_needs_enough_samples_for_a_finite_interval(q: float, enough: int) -> None:
    assert quantile(np.arange(enough), q) is not None
    assert quantile(np.arange(enough - 1), q) is None


def test_quantiles_are_milliseconds() -> None:
    quantiles = Quantiles.of(np.arange(1, 1001) * 1000)
    assert quantiles.p50 == pytest.approx(500.5)
    assert quantiles.p99 == pytest.approx(990, abs=0.1)
    assert quantiles.p999 is None
    assert quantiles.max == 1000


def test_a_slowdown_without_an_ideal_is_none() -> None:
    some = Quantiles.of(np.full(1000, 5000))
    none = Quantiles.of(np.full(3, 5000))
    assert Slowdown.of(some, some).p99 == 1
    assert Slowdown.of(none, some).p99 is None
    assert Slowdown.of(some, Quantiles.of(np.zeros(1000))).p99 is None


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StormResult:
    from pytest_sessionreg.results.policies import policy_named
    from pytest_sessionreg.storm.plan import Plan
    from pytest_sessionreg.storm.storm import run_storm

    database = str(tmp_path_factory.mktemp("result") / "x.db")
    run = run_storm(Plan(policy_named("queue"), workers=4, writes=10, hold_ms=0, think_ms=1))
    return StormResult(environment=Environment.of(database), command="sessionreg storm", runs=(run,))


def test_a_result_survives_as_json(result: StormResult) -> None:
    text = result.to_json()
    again = StormResult.from_json(text)
    assert again.to_json() == text
    assert again.runs[0].counts == result.runs[0].counts
    assert again.environment == result.environment


def test_the_json_has_the_documented_fields(result: StormResult) -> None:
    document = json.loads(result.to_json())
    assert (document["kind"], document["schema"]) == ("storm", 2)
    assert {
        "python",
        "sqlite_version",
        "sqlite_source_id",
        "kernel",
        "cpu_count",
        "file_system",
        "wal_reset_bug",
    } <= set(document["environment"])
    (run,) = document["runs"]
    assert set(run) == {field.name for field in fields(StormRun)}
    assert set(run["counts"]) == {
        *("attempted", "acknowledged", "busy", "retries", "exhausted", "failed", "lost", "duplicated"),
    }
    assert set(run["latency_ms"]) == set(run["ideal_ms"]) == {"p50", "p90", "p99", "p999", "max"}
    assert set(run["slowdown"]) == {"p50", "p99", "p999"}
    assert len(run["samples"]["wait_us"]) == 40
    assert run["slowdown"]["p99"] is None, "forty writes have no p99"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a result of storm"),
        ("[]", "not a result of storm"),
        ('{"schema": 1, "runs": [', "not a result of storm"),
        ('{"schema": 99}', "schema 99, this version reads 2"),
        ('{"schema": 1}', "schema 1, this version reads 2"),
        ('{"schema": 2}', "lacks or misnames a field"),
        ('{"schema": 2, "kind": "capacity"}', "a result of 'capacity', not of storm"),
    ],
)
def test_what_is_no_result_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(ResultError, match=words):
        StormResult.from_json(text)


def test_a_truncated_result_is_refused_wherever_it_ends(result: StormResult) -> None:
    text = result.to_json().rstrip()

    @given(st.integers(0, len(text) - 1))
    def check(length: int) -> None:
        with pytest.raises(ResultError):
            StormResult.from_json(text[:length])

    check()


def test_a_failed_assertion_shows_counts_and_not_every_field(storm: Storm) -> None:
    def write(path: str, worker: int, sequence: int) -> None:
        """Acknowledges and writes nothing."""

    run = storm(write, workers=2, writes=3, think_ms=0, acknowledged=lambda _: [(0, 0)])
    assert repr(run) == "<storm of 2 writers, policy own: 6 of 6 writes acknowledged, 5 lost>"
    run = storm(write, workers=1, writes=2, think_ms=0)
    assert repr(run) == "<storm of 1 writer, policy own: 2 of 2 writes acknowledged, not checked for losses>"
    some = replace(run, counts=replace(run.counts, attempted=9, exhausted=3, failed=4))
    assert "2 of 9 writes acknowledged, 3 given up, 4 failed, " in repr(some)


def test_a_run_of_the_fixture_is_the_same_type(storm: Storm) -> None:
    assert isinstance(storm(workers=2, writes=2, hold_ms=0, think_ms=0), StormRun)
