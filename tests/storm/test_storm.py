from __future__ import annotations

import os
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_sessionreg import BusyTimeout, Registry, RetryBudget
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.registry.errors import DatabaseCorrupt, RegistryError
from pytest_sessionreg.results.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm import analysis
from pytest_sessionreg.storm.job import Site
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import Progress, run_storm
from pytest_sessionreg.storm.storm_writes import CREATE_TABLE, rows
from pytest_sessionreg.storm.verification import Verification, check_integrity, verify_writes
from pytest_sessionreg.storm.workloads.registry_workload import RegistryStorm
from tests.retries_unseen import retries_unseen


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_every_policy_accounts_for_every_write(storm: Storm, policy: str) -> None:
    run = storm(policy=policy, workers=6, writes=20, hold_ms=1, think_ms=5)
    counts = run.counts
    assert counts.attempted == 120
    assert counts.acknowledged + counts.exhausted + counts.failed == counts.attempted
    assert (counts.lost, counts.duplicated, run.integrity) == (0, 0, "ok")
    assert (counts.busy is None) == (run.busy_rate is None) == retries_unseen(policy_named(policy))


@pytest.mark.slow
def test_the_queue_stays_near_the_ideal_where_the_budget_does_not() -> None:
    """The first "done when": in the same run, the queue within 1.3 of the ideal and the budget far above it.

    Other load only ever adds to both: so the round in which it added least is the one that tells.
    """
    plan = Plan(policy_named("queue"), workers=16, writes=24, hold_ms=2, think_ms=100)  # a p99 needs 368 writes
    ratios = []
    for _ in range(12):
        queue, budget = run_storm(plan), run_storm(replace(plan, policy=RetryBudget()))
        assert (queue.counts.exhausted, queue.counts.lost) == (0, 0)
        assert queue.slowdown.p99 is not None
        assert budget.slowdown.p99 is not None
        ratios.append((queue.slowdown.p99, budget.slowdown.p99))
        if ratios[-1][0] <= 1.3:
            break
    queue_slowdown, budget_slowdown = min(ratios)
    assert queue_slowdown <= 1.3
    assert budget_slowdown > 5 * queue_slowdown


def test_an_impatient_policy_is_seen_to_give_up(storm: Storm) -> None:
    run = storm(policy=RetryBudget(retries=0), workers=8, writes=20, hold_ms=5, think_ms=0)
    assert run.counts.exhausted > 0
    assert run.counts.acknowledged + run.counts.exhausted == run.counts.attempted
    assert run.counts.lost == 0
    assert run.busy_rate is not None
    assert run.busy_rate > 0
    assert run.counts.retries == 0


def test_a_storm_is_contended(storm: Storm) -> None:
    """The measure must see contention where there must be some."""
    run = storm(policy="queue", workers=4, writes=20, hold_ms=5, think_ms=0)
    assert run.contended_rate is not None
    assert run.contended_rate > 0.9
    assert run.utilization is not None
    assert run.utilization > 0.8


@pytest.mark.slow
def test_a_seed_repeats_the_think_times(storm: Storm) -> None:
    def thinks(seed: int) -> np.ndarray:
        samples = storm(workers=1, writes=12, hold_ms=0, think_ms=30, seed=seed).samples
        return (samples.started_us[1:] - (samples.started_us + samples.latency_us)[:-1]) / 1000

    # Sleeps overshoot on a busy machine, and never end early: the shortest of several is nearest to what was drawn.
    drawn = {name: thinks(seed) for name, seed in (("one", 5), ("again", 5), ("other", 6))}
    for _ in range(100):
        same = drawn["one"] == pytest.approx(drawn["again"], abs=5)
        if same and (drawn["one"] > drawn["other"] + 5).any():
            break
        drawn = {name: np.minimum(found, thinks(6 if name == "other" else 5)) for name, found in drawn.items()}
    assert drawn["one"] == pytest.approx(drawn["again"], abs=5)
    assert (drawn["one"] > drawn["other"] + 5).any()


def test_a_storm_by_duration_ends(storm: Storm) -> None:
    run = storm(workers=2, duration_s=0.5, hold_ms=0, think_ms=5)
    assert run.writes is None
    assert run.duration_s == 0.5
    assert run.counts.attempted > 4
    assert run.counts.lost == 0


def test_progress_is_told_while_the_workers_write() -> None:
    seen: list[Progress] = []
    run_storm(Plan(policy_named("interval"), workers=2, writes=10, hold_ms=1, think_ms=40), seen.append)
    assert seen
    assert seen[-1].planned == 20
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert 0 < seen[-1].done <= 20
    assert seen[-1].writes_per_s > 0


def test_a_named_database_stays_without_the_storms_rows(database: str) -> None:
    with Registry.open(database) as registry:
        registry.sessions.register("mine")
    run = run_storm(Plan(BusyTimeout(), workers=2, writes=3, hold_ms=0, think_ms=0, database=database))
    assert run.counts.acknowledged == 6
    with Registry.open(database) as registry:
        assert [session.session_id for session in registry.sessions.list()] == ["mine"]
        assert registry._database.read("SELECT name FROM sqlite_master WHERE name = 'storm_writes'") == []


def test_a_fresh_database_leaves_nothing(storm: Storm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    storm(workers=2, writes=2)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    with pytest.raises(DatabaseCorrupt):
        run_storm(Plan(policy_named("queue"), workers=2, writes=2, database=str(path)))
    assert path.read_text() == "not a database " * 100


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk_is_one_line_that_says_so(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=256k none {disk} 2>/dev/null"):  # noqa: S605  a fixed command
        pytest.skip("this sandbox lets nobody mount")
    try:
        with pytest.raises((StormError, RegistryError), match="free some space") as caught:
            run_storm(
                Plan(policy_named("queue"), workers=4, writes=500, hold_ms=0, think_ms=0, database=str(disk / "x.db"))
            )
        assert "\n" not in str(caught.value)
    finally:
        os.system(f"umount {disk}")  # noqa: S605  a fixed command


# -- the check must be able to fail -----------------------------------------------------------------------------------


def _samples(count: int) -> Samples:
    columns = {name: np.zeros(count, dtype=np.int64) for name in Samples.__slots__}
    columns["worker"] = np.repeat(np.arange(2), count // 2)
    columns["sequence"] = np.tile(np.arange(count // 2), 2)
    columns["outcome"] = np.ones(count, dtype=np.int64)
    return Samples(**columns)


@pytest.fixture
def stormed(database: str) -> str:
    connection = sqlite3.connect(database)
    connection.execute(CREATE_TABLE)
    connection.executemany(
        "INSERT INTO storm_writes VALUES ('s', ?, ?)",
        [(worker, sequence) for worker in range(2) for sequence in range(10)],
    )
    connection.commit()
    connection.close()
    return database


def _change(database: str, sql: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute(sql)
    connection.commit()
    connection.close()


def _verify(database: str, samples: Samples) -> Verification:
    return verify_writes(rows(database, "s"), samples, check_integrity(database))


def test_a_sound_database_passes(stormed: str) -> None:
    evidence = _verify(stormed, _samples(20))
    assert (evidence.lost, evidence.duplicated, evidence.integrity) == (0, 0, "ok")


def test_a_planted_lost_write_is_found(stormed: str) -> None:
    _change(stormed, "DELETE FROM storm_writes WHERE worker = 1 AND sequence IN (3, 4)")
    assert _verify(stormed, _samples(20)).lost == 2


def test_a_planted_duplicate_is_found(stormed: str) -> None:
    _change(stormed, "INSERT INTO storm_writes VALUES ('s', 0, 5)")
    assert _verify(stormed, _samples(20)).duplicated == 1


def test_a_duplicate_does_not_hide_a_lost_write(stormed: str) -> None:
    _change(stormed, "UPDATE storm_writes SET sequence = 4 WHERE worker = 0 AND sequence = 5")
    evidence = _verify(stormed, _samples(20))
    assert (evidence.lost, evidence.duplicated) == (1, 1)


def test_rows_that_were_never_acknowledged_are_not_lost(stormed: str) -> None:
    samples = _samples(20)
    samples.outcome[:3] = 0
    assert _verify(stormed, samples).lost == 0


def test_a_planted_damage_is_found(stormed: str) -> None:
    _change(stormed, "CREATE INDEX by_sequence ON storm_writes (sequence)")
    _change(stormed, "PRAGMA writable_schema=ON")
    connection = sqlite3.connect(stormed)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'by_sequence'")
    connection.commit()
    connection.close()
    assert _verify(stormed, _samples(20)).integrity != "ok"


def test_a_missing_parent_row_is_found(stormed: str) -> None:
    _change(stormed, "CREATE TABLE child (a INTEGER REFERENCES parent (id))")
    _change(stormed, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    _change(stormed, "INSERT INTO child VALUES (7)")
    assert (
        _verify(stormed, _samples(20)).integrity
        == "foreign_key_check: row 1 of child refers to a missing row of parent"
    )


def test_a_storm_that_loses_a_write_reports_it(monkeypatch: pytest.MonkeyPatch, storm: Storm) -> None:
    """End to end: a database that forgets one committed row between the last COMMIT and the check."""
    genuine = RegistryStorm.stored_writes

    def sabotaged(workload: RegistryStorm, site: Site) -> object:
        _change(site.database, "DELETE FROM storm_writes WHERE rowid = 2")
        return genuine(workload, site)

    monkeypatch.setattr(RegistryStorm, "stored_writes", sabotaged)
    assert storm(workers=2, writes=3, think_ms=0).lost == 1


def test_a_starved_worker_shows_in_the_fairness() -> None:
    assert analysis._jain([1, 1, 1, 1]) == pytest.approx(1)
    assert analysis._jain([1, 1, 1, 9]) == pytest.approx(12**2 / (4 * 84))
    assert analysis._jain([0, 0]) is None


@pytest.mark.slow
def test_an_onlooker_sees_how_many_stand_in_line_under_the_queue_alone() -> None:
    seen: dict[str, list[int | None]] = {}
    for name in ("queue", "budget-spin"):
        plan = Plan(policy_named(name), workers=6, writes=None, duration_s=1.0, hold_ms=20, think_ms=0)
        run_storm(plan, lambda progress: seen.setdefault(progress.policy, []).append(progress.in_line))
    assert max(number or 0 for number in seen["queue"]) in range(1, 7)
    assert set(seen["budget-spin"]) == {None}
