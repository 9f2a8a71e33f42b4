"""The gate on real storms: what it runs, how often, and what it says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from time import sleep

import pytest

from pytest_sessionreg.gate.baseline import Baseline
from pytest_sessionreg.gate.gate import measure_storm, run_gate
from pytest_sessionreg.gate.judgement import Judgement, Verdict
from pytest_sessionreg.gate.measurement import Measurement, machine_class
from pytest_sessionreg.gate.pairs import Ground, Pairs
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm
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
    workload = Function(function, "m:write", prepare_with=_prepare, modules=(__name__,))  # type: ignore[arg-type]
    return Plan.of(workload, workers=3, writes=8, hold_ms=2.0, think_ms=4.0)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    plan = _plan()
    with Ground.of(plan) as ground:
        machine, measurement, damage = measure_storm(plan, ground, scale=0.1)
    assert damage is None
    assert measurement is not None
    return Baseline().with_measurements({"notes": {machine: measurement}})


def _gate(plan: Plan, baseline: Baseline, storm: str = "notes") -> Judgement:
    with Ground.of(plan) as ground:
        return run_gate(storm, plan, ground, baseline, scale=0.1)


def _only(baseline: Baseline) -> tuple[str, Measurement]:
    ((machine, measurement),) = baseline.storms["notes"].items()
    return machine, measurement


@pytest.mark.slow
def test_a_storm_that_holds_the_lock_three_times_as_long_regressed_and_was_measured_twice(baseline: Baseline) -> None:
    judgement = _gate(_plan(_slow), baseline)
    assert judgement.verdict is Verdict.REGRESSED, judgement.reason
    assert "hold, to the control's: " in judgement.reason
    assert judgement.reason.endswith("; measured twice")
    assert any("holds grew" in cause for cause in judgement.causes)
    assert judgement.rounds >= 10


@pytest.mark.slow
def test_unchanged_code_has_not_regressed(baseline: Baseline) -> None:
    judgement = _gate(_plan(), baseline)
    assert judgement.verdict is not Verdict.REGRESSED, judgement.reason
    assert judgement.rounds >= 5


@pytest.mark.slow
def test_lost_writes_need_no_second_look(baseline: Baseline) -> None:
    workload = Function(_write, "m:write", prepare_with=_prepare, acknowledged=lambda _: [(0, 0)], modules=(__name__,))
    plan = replace(_plan(), workload=workload)
    run = run_storm(replace(plan, writes=2))
    with Ground.of(plan) as ground:
        judgement = run_gate("notes", plan, ground, baseline, seen=[run])
    assert (judgement.verdict, judgement.rounds) == (Verdict.REGRESSED, 0)
    assert judgement.reason == judgement.damage == "5 of 6 acknowledged writes are lost"
    judgement = _gate(plan, baseline)
    assert (judgement.verdict, judgement.rounds) == (Verdict.REGRESSED, 5)
    assert judgement.reason.endswith("acknowledged writes are lost")


@pytest.mark.slow
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
    assert "workers 3 then, 4 now; think_ms 4.0 then, 5.0 now; " in judgement.reason
    with Ground.of(_plan()) as ground:
        judgement = run_gate("notes", _plan(), ground, baseline, scale=1)
    assert (judgement.verdict, judgement.rounds) == (Verdict.INCONCLUSIVE, 0)
    assert "writes 6 then, 8 now; run it at that load and scale, or update the baseline" in judgement.reason


@pytest.mark.slow
def test_worse_once_and_not_again_is_inconclusive(baseline: Baseline, monkeypatch: pytest.MonkeyPatch) -> None:
    _, measurement = _only(baseline)
    looks = iter([9.0, 1.0])

    def once(_: Plan, __: Pairs) -> Measurement:  # a machine that stood still during the first look
        factor = next(looks)
        hold = tuple(value * factor for value in measurement.ratios["hold"])
        return replace(measurement, ratios={**measurement.ratios, "hold": hold})

    run = run_storm(_plan())
    monkeypatch.setattr("pytest_sessionreg.gate.gate.run_pairs", lambda *_, **__: Pairs((run,) * 5, (run,) * 5))
    monkeypatch.setattr("pytest_sessionreg.gate.gate.measure_pairs", once)
    judgement = _gate(_plan(), baseline)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason.startswith("worse at the first look, not at the second: hold, to the control's: ")
    assert judgement.rounds >= 10
