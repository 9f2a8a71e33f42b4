"""The gate on real storms: what it runs, how often, and what it says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from time import sleep

import pytest

from pytest_sessionreg import RetryBudget
from pytest_sessionreg.gate import measure_storm, run_gate
from pytest_sessionreg.storm.baseline import Baseline
from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.judgement import Judgement, Verdict
from pytest_sessionreg.storm.measurement import Measurement, machine_class, measured
from pytest_sessionreg.storm.pairs import Ground, Pairs
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.workloads.function import Function


def _prepare(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (worker, sequence)")


def _write(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
    connection.execute("INSERT INTO notes VALUES (?, ?)", (worker, sequence))


def _slow(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
    _write(connection, worker, sequence)
    sleep(0.004)


def _plan(function: object = _write) -> Plan:
    workload = Function(function, "m:write", prepare_with=_prepare, module=__name__)  # type: ignore[arg-type]
    return Plan.of(workload, workers=3, writes=8, hold_ms=2.0, think_ms=4.0)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    plan = _plan()
    with Ground.of(plan) as ground:
        machine, measurement, damage = measure_storm(plan, ground, scale=0.3)
    assert damage is None
    assert measurement is not None
    return Baseline().with_measurements({"notes": {machine: measurement}})


def _gate(plan: Plan, baseline: Baseline, storm: str = "notes") -> Judgement:
    with Ground.of(plan) as ground:
        return run_gate(storm, plan, ground, baseline, scale=0.3)


def _only(baseline: Baseline) -> tuple[str, Measurement]:
    ((machine, measurement),) = baseline.storms["notes"].items()
    return machine, measurement


def test_a_storm_that_holds_the_lock_three_times_as_long_regressed_and_was_measured_twice(baseline: Baseline) -> None:
    judgement = _gate(_plan(_slow), baseline)
    assert judgement.verdict is Verdict.REGRESSED, judgement.reason
    assert "hold, to the control's: " in judgement.reason
    assert judgement.reason.endswith("; measured twice")
    assert any("holds grew" in cause for cause in judgement.causes)
    assert judgement.rounds >= 10


def test_a_policy_that_gives_up_regressed(baseline: Baseline) -> None:
    plan = replace(_plan(), policy=RetryBudget(retries=0))
    judgement = _gate(plan, baseline)
    assert judgement.verdict in {Verdict.REGRESSED, Verdict.INCONCLUSIVE}, judgement.reason
    assert "done" in {change.name for change in judgement.changes if change.worse}


def test_unchanged_code_has_not_regressed(baseline: Baseline) -> None:
    judgement = _gate(_plan(), baseline)
    assert judgement.verdict is not Verdict.REGRESSED, judgement.reason
    assert judgement.rounds >= 5


def test_lost_writes_need_no_second_look(baseline: Baseline) -> None:
    def acknowledged(path: str) -> list[tuple[int, int]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT worker, sequence FROM notes LIMIT -1 OFFSET 2").fetchall()

    workload = Function(_write, "m:write", prepare_with=_prepare, acknowledged=acknowledged, module=__name__)
    judgement = _gate(replace(_plan(), workload=workload), baseline)
    assert judgement.verdict is Verdict.REGRESSED
    assert judgement.reason.startswith("2 of ")
    assert judgement.reason.endswith("acknowledged writes are lost")
    assert judgement.damage == judgement.reason


def test_a_storm_that_loses_writes_makes_no_baseline() -> None:
    workload = Function(_write, "m:write", prepare_with=_prepare, acknowledged=lambda _: [], module=__name__)
    plan = replace(_plan(), workload=workload)
    with Ground.of(plan) as ground:
        _, measurement, damage = measure_storm(plan, ground, scale=0.1)
    assert measurement is None
    assert damage is not None
    assert "are lost" in damage


def test_where_there_is_nothing_to_compare_nothing_is_stormed(baseline: Baseline) -> None:
    machine, measurement = _only(baseline)
    judgement = _gate(_plan(), baseline, "another")
    assert (judgement.verdict, judgement.rounds) == (Verdict.NO_BASELINE, 0)
    version = Environment.of(_plan().location()).sqlite_version
    assert machine == machine_class(Environment.of(_plan().location()))
    elsewhere = Baseline().with_measurements({"notes": {machine.replace(version, "3.1.4"): measurement}})
    judgement = _gate(_plan(), elsewhere)
    assert (judgement.verdict, judgement.rounds) == (Verdict.INCONCLUSIVE, 0)
    assert f"SQLite 3.1.4 there, SQLite {version} here" in judgement.reason
    judgement = _gate(replace(_plan(), workers=4, think_ms=5.0), baseline)
    assert (judgement.verdict, judgement.rounds) == (Verdict.INCONCLUSIVE, 0)
    assert "workers 3 then, 4 now; think_ms 4.0 then, 5.0 now; update the baseline" in judgement.reason


def test_worse_once_and_not_again_is_inconclusive(baseline: Baseline, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([9.0])

    def once(plan: Plan, pairs: Pairs) -> Measurement:  # a machine that stood still during the first look
        found = measured(plan, pairs)
        factor = next(looks, 1.0)
        hold = tuple(value * factor for value in found.ratios["hold"])
        return replace(found, ratios={**found.ratios, "hold": hold})

    monkeypatch.setattr("pytest_sessionreg.gate.measured", once)
    judgement = _gate(_plan(), baseline)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason.startswith("worse at the first look, not at the second: hold, to the control's: ")
    assert judgement.rounds >= 10
