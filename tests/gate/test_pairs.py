from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_sessionreg.gate.measurement import StormLoad, measure_pairs
from pytest_sessionreg.gate.pairs import Ground, run_pairs, short_round
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.turn import storm_turn
from pytest_sessionreg.storm.workloads.function import Function

_TINY = Plan.of("heartbeat", workers=2, writes=8, hold_ms=1.0, think_ms=2.0)


def _insert(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
    connection.execute("INSERT INTO notes VALUES (?, ?)", (worker, sequence))


@pytest.mark.slow
def test_a_storm_and_its_control_take_turns_at_one_load_for_five_rounds_at_least() -> None:
    seen: list[int] = []
    with Ground.of(_TINY) as ground:
        pairs = run_pairs(_TINY, ground, most=9, patience_s=0.001, on_round=seen.append)
    assert seen == [1, 2, 3, 4, 5]
    assert [run.workload for run in pairs.subject] == ["heartbeat"] * 5
    assert [run.workload for run in pairs.control] == ["control"] * 5
    assert [run.seed for run in pairs.subject] == [run.seed for run in pairs.control] == [1, 2, 3, 4, 5]
    for subject, control in zip(pairs.subject, pairs.control, strict=True):
        assert (control.workers, control.writes, control.hold_ms, control.think_ms) == (2, 8, 1.0, 2.0)
        assert (control.policy, control.lost, control.integrity) == ("busy-timeout", 0, "ok")
        assert subject.lost == 0
    found = measure_pairs(_TINY, pairs)
    assert found.load == StormLoad("heartbeat", 2, 1.0, 2.0, None, 8)
    assert set(found.ratios) == {"hold", "slowdown", "done"}
    assert set(found.control) == {"hold", "slowdown"}
    assert all(len(rounds) == 5 for rounds in (*found.ratios.values(), *found.control.values()))
    assert found.ratios["done"] == (1.0,) * 5


@pytest.mark.slow
def test_each_round_storms_a_copy_of_the_named_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (worker, sequence, PRIMARY KEY (worker, sequence))")
    plan = replace(
        Plan.of(Function(_insert, "m:_insert", modules=(__name__,)), workers=2, writes=2, think_ms=0.0),
        database=str(path),
    )
    with Ground.of(plan) as ground:
        pairs = run_pairs(plan, ground, most=5, patience_s=60)
        assert all(run.database is not None and os.path.dirname(run.database) != str(tmp_path) for run in pairs.subject)
    assert [run.counts.acknowledged for run in pairs.subject] == [4] * 5, "the same keys fit into a fresh copy"
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.db"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)


@pytest.mark.slow
def test_storms_of_functions_with_a_path_have_latencies_over_the_controls_ideal() -> None:
    def write(path: str, worker: int, sequence: int) -> None:
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS t (a, b)")
            connection.execute("INSERT INTO t VALUES (?, ?)", (worker, sequence))

    plan = Plan.of(Function(write, "m:write", modules=(__name__,)), workers=2, writes=4, think_ms=1.0)
    with Ground.of(plan) as ground:
        found = measure_pairs(plan, run_pairs(plan, ground, most=5, patience_s=60))
    assert set(found.ratios) == {"latency", "latency_p50", "done"}
    assert set(found.control) == {"slowdown"}, "no hold was asked for"


def test_rounds_are_short_and_the_load_is_kept() -> None:
    plan = Plan.of("heartbeat", workers=8, writes=1000, hold_ms=2.0, think_ms=20.0)
    short = short_round(plan)
    assert replace(short, writes=plan.writes) == plan
    assert 6 <= (short.writes or 0) < 30
    assert short_round(plan, 4).writes == pytest.approx(4 * (short.writes or 0), abs=4)
    assert short_round(replace(plan, writes=3)).writes == 3, "never longer than the storm itself"
    assert short_round(replace(plan, writes=None, duration_s=9.0)).duration_s == pytest.approx(0.15)
    assert short_round(replace(plan, think_ms=0, rate_per_s=640.0)).writes == 12
    assert short_round(replace(plan, think_ms=5000)).writes == 6


def test_storms_of_two_processes_take_turns_and_a_killed_one_holds_up_nobody() -> None:
    program = (
        "from pytest_sessionreg.storm.turn import storm_turn\n"
        "with storm_turn():\n    print('mine', flush=True)\n    import time; time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        taken = threading.Event()

        def take() -> None:
            with storm_turn(), storm_turn():
                taken.set()

        waiter = threading.Thread(target=take)
        waiter.start()
        try:
            assert not taken.wait(0.3)
        finally:
            other.kill()
        assert taken.wait(120)
        waiter.join()
