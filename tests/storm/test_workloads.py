from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from pytest_sessionreg import BusyTimeout, Registry, WriteQueue
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.storm.catalogue import WORKLOAD_NAMES, workload_named
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm
from pytest_sessionreg.storm.workloads.audit import AuditPart
from pytest_sessionreg.storm.workloads.lock import LockPart
from pytest_sessionreg.storm.workloads.mixed import MixedPart
from pytest_sessionreg.storm.workloads.register import RegisterPart
from pytest_sessionreg.storm.workloads.registry_workload import RegistryWrite
from pytest_sessionreg.storm.workloads.skills import SkillsPart
from tests.retries_unseen import retries_unseen


@pytest.mark.parametrize("name", [name for name in WORKLOAD_NAMES if name != "hook"])
@pytest.mark.parametrize("policy", ["queue", pytest.param("budget", marks=pytest.mark.slow)])
def test_every_built_in_accounts_for_every_write(storm: Storm, name: str, policy: str) -> None:
    run = storm(name, policy=policy, workers=3, writes=8, hold_ms=0.5, think_ms=1)
    assert run.workload == name
    assert (run.counts.attempted, run.counts.acknowledged) == (24, 24)
    assert (run.lost, run.counts.duplicated, run.integrity, run.failures) == (0, 0, "ok", ())
    assert run.recorder_ns > 0


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_a_named_database_stays_without_a_trace_of_the_storm(database: str, name: str) -> None:
    with Registry.open(database) as registry:
        registry.sessions.register("mine")
    tables = _row_counts(database)
    run_storm(Plan(WriteQueue(), workers=2, writes=5, hold_ms=0, think_ms=0, workload=name, database=database))
    after = _row_counts(database)
    assert after == tables


def _row_counts(database: str) -> dict[str, int]:
    connection = sqlite3.connect(database)
    try:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = [name for (name,) in connection.execute(tables)]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    finally:
        connection.close()


def _written(registry: Registry, part: RegistryWrite, writes: int) -> None:
    part.set_up(registry)
    for sequence in range(writes):
        with registry.transaction():
            part.write(registry, sequence)


@pytest.fixture
def registry(database: str) -> Registry:
    return Registry.open(database, workspace="s")


def test_register_makes_a_session_per_write(registry: Registry) -> None:
    with registry:
        _written(registry, RegisterPart("s", 0, 1), 5)
        assert len(registry.sessions.list()) == 5


def test_lock_is_held_by_one_of_all_workers(registry: Registry) -> None:
    with registry:
        one, other = LockPart("s", 0, 1), LockPart("s", 1, 1)
        other.set_up(registry)
        _written(registry, one, 1)
        with registry.transaction():
            other.write(registry, 0)
        (held,) = registry.locks.list()
        assert held.session_id == "s-0", "the other found it taken"
        with registry.transaction():
            one.write(registry, 1)
        assert registry.locks.list() == []
        with registry.transaction():
            other.write(registry, 1)
        (held,) = registry.locks.list()
        assert held.session_id == "s-1"


def test_skills_are_suggested_and_then_invoked(registry: Registry) -> None:
    with registry:
        _written(registry, SkillsPart("s", 0, 1), 10)
        uses = registry.skills.of_session("s-0")
        assert [(use.suggested, use.invoked) for use in uses] == [(1, 1)] * 5


def test_audit_appends_a_kibibyte_of_json(registry: Registry) -> None:
    with registry:
        _written(registry, AuditPart("s", 0, 1), 3)
        payloads = [event.payload for event in registry.audit.query()]
        assert [len(payload) for payload in payloads] == [1024] * 3
        assert all(json.loads(payload) for payload in payloads)


def test_mixed_is_a_day_of_hooks_and_its_seed_repeats_it(tmp_path: Path) -> None:
    def counts(seed: int, name: str) -> list[list[int]]:
        part = MixedPart("s", 0, seed)
        seen = []
        with Registry.open(tmp_path / name, workspace="s") as day:
            part.set_up(day)
            with day.transaction():
                for sequence in range(2000):
                    part.write(day, sequence)
                    seen.append(list(part._written))
        return seen

    once = counts(5, "one.db")
    assert [count / 2000 for count in once[-1]] == pytest.approx([0.7, 0.1, 0.1, 0.1], abs=0.03)
    assert counts(5, "again.db") == once
    assert counts(6, "other.db") != once


@pytest.mark.parametrize("policy", ["queue", "budget", "busy-timeout"])
def test_hooks_write_in_interpreters_of_their_own(storm: Storm, policy: str) -> None:
    run = storm("hook", policy=policy, workers=2, writes=3, hold_ms=1, think_ms=1)
    assert (run.counts.acknowledged, run.lost, run.counts.duplicated) == (6, 0, 0)
    samples = run.samples
    assert samples.divided
    assert np.median(samples.before_us) > np.median(samples.hold_us), "an interpreter starts for longer than it writes"
    assert (samples.after_us > 0).all()
    assert (samples.hold_us >= 1000).all()
    assert (run.counts.busy is None) == retries_unseen(policy_named(policy))


def test_a_hook_that_finds_the_lock_held_is_exhausted(database: str) -> None:
    with Registry.open(database):
        pass
    holder = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    plan = Plan(BusyTimeout(0.01), workers=1, writes=2, hold_ms=0, think_ms=0, workload="hook", database=database)
    workload = plan.resolved()
    original = type(workload).prepare

    def prepared_and_held(self: object, site: object) -> None:
        original(self, site)  # type: ignore[arg-type]
        holder.execute("BEGIN IMMEDIATE")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(workload), "prepare", prepared_and_held)
        patch.setattr(type(workload), "clear", lambda _self, _site: holder.close())
        run = run_storm(plan)
    assert (run.counts.exhausted, run.counts.acknowledged, run.lost) == (2, 0, 0)


def test_an_unknown_workload_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StormError, match="'nothing' is unknown; choose from heartbeat, register, lock"):
        workload_named("nothing")
