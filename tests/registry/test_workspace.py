from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from pytest_sessionreg import Registry, WriteRecord
from pytest_sessionreg.registry import stores
from pytest_sessionreg.registry.cleanup import Cleanup
from pytest_sessionreg.registry.errors import InvalidValue, NotFound
from pytest_sessionreg.registry.liveness import is_dead
from pytest_sessionreg.registry.stores import sessions
from pytest_sessionreg.registry.workspace import Workspace

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP: dict[str, Any] = {"target_type": "t", "target_id": "i", "state": "x"}

# How to fill a workspace, what can then be read, and what another workspace tries to change: in each store's test.
CASES = {name: import_module(f"tests.registry.stores.test_{name}") for name in stores.names() if name != "meta"}


@pytest.fixture
def theirs(session_registry_path: Path) -> Iterator[Registry]:
    with Registry.open(session_registry_path, workspace="theirs") as registry:
        yield registry


@pytest.mark.parametrize("name", CASES)
def test_another_workspaces_rows_are_neither_read_nor_changed(
    session_registry: Registry, theirs: Registry, name: str
) -> None:
    session_registry.sessions.register("one")
    CASES[name].fill(session_registry)
    before = CASES[name].reads(session_registry)
    assert all(before)
    assert not any(CASES[name].reads(theirs))
    assert not any(CASES[name].changes(theirs))
    assert CASES[name].reads(session_registry) == before


@pytest.mark.parametrize("name", CASES)
def test_the_same_ids_live_side_by_side(session_registry: Registry, theirs: Registry, name: str) -> None:
    for workspace in (session_registry, theirs):
        workspace.sessions.register("one")
        CASES[name].fill(workspace)
    before = CASES[name].reads(session_registry)
    assert all(before)
    assert all(CASES[name].reads(theirs))
    CASES[name].changes(theirs)
    theirs.sessions.remove("one")
    assert CASES[name].reads(session_registry) == before


def test_a_reference_does_not_cross(session_registry: Registry, theirs: Registry) -> None:
    session_registry.sessions.register("one")
    session_registry.jobs.upsert("run", job_id="job", state="x", scheduled_at=START)
    for write in (
        lambda: theirs.locks.acquire("lock", "one", ttl=HOUR),
        lambda: theirs.overrides.set("one", "key", 1),
        lambda: theirs.worktrees.link("one", "one"),
        lambda: theirs.skills.suggest("one", "skill"),
        lambda: theirs.outputs.append("one", "text"),
        lambda: theirs.tokens.mint("one", 7),
        lambda: theirs.jobs.upsert_step("run", 0, **STEP),
    ):
        with pytest.raises(NotFound):
            write()


def test_a_token_is_unknown_in_another_workspace(session_registry: Registry, theirs: Registry) -> None:
    for workspace in (session_registry, theirs):
        workspace.sessions.register("one")
    token = session_registry.tokens.mint("one", 7)
    assert theirs.tokens.validate(token, 7).verdict == "unknown"
    assert not theirs.tokens.revoke(token)
    assert session_registry.tokens.validate(token, 7).verdict == "valid"


def test_a_sweep_and_a_cleanup_stay_in_their_workspace(session_registry: Registry, theirs: Registry) -> None:
    session_registry.sessions.register("expired", ttl=MOMENT)
    session_registry.sessions.register("dead", pid=2**40)  # no process can have that number
    session_registry.locks.acquire("lock", "dead", ttl=MOMENT)
    session_registry.tokens.mint("dead", 7, ttl=MOMENT)
    sleep(0.01)
    assert theirs.cleanup() == Cleanup(0, 0, 0, 0)
    sweep = theirs.sessions.sweep(stale_after=MOMENT)
    assert (sweep.crashed, sweep.expired) == (0, 0)
    assert session_registry.cleanup() == Cleanup(1, 1, 1, 1)


def test_meta_is_shared(session_registry: Registry, theirs: Registry) -> None:
    session_registry.meta.set("key", "value")
    entry = theirs.meta.get("key")
    assert entry is not None
    assert entry.value == "value"


@pytest.mark.parametrize("name", ["sessions", "agents", "runs", "inbox", "audit", "jobs", "learning"])
def test_a_workspace_shows_by_any_row_of_its_own(session_registry: Registry, theirs: Registry, name: str) -> None:
    view = session_registry.all_workspaces()
    assert view.ids() == []
    CASES[name].fill(theirs)
    assert view.ids() == ["theirs"]


def test_all_workspaces_are_listed_once_and_sorted(session_registry: Registry) -> None:
    view = session_registry.all_workspaces()
    for name in ("z", "ü", "a", "default", "m"):
        for store in ("sessions", "agents", "learning"):
            CASES[store].fill(view.workspace(name))
    assert view.ids() == sorted(["z", "ü", "a", "default", "m"])


def test_the_view_across_reads_and_writes_another_workspace(session_registry: Registry, theirs: Registry) -> None:
    theirs.sessions.register("one")
    across = session_registry.all_workspaces()
    assert {of.workspace_id: [found.session_id for found in of.sessions.list()] for of in across} == {"theirs": ["one"]}
    other = across.workspace("theirs")
    assert other.sessions.finish("one")
    found = theirs.sessions.get("one")
    assert found is not None
    assert (found.status, found.workspace_id) == ("finished", "theirs")
    assert session_registry.sessions.get("one") is None


def test_a_transaction_spans_workspaces(session_registry: Registry) -> None:
    other = session_registry.all_workspaces().workspace("other")
    with pytest.raises(KeyError), session_registry.transaction():
        session_registry.sessions.register("one")
        other.sessions.register("one")
        raise KeyError
    assert session_registry.all_workspaces().ids() == []


@pytest.mark.parametrize("workspace", ["", "a\0b", "x" * 10_000, 7, None])
def test_a_workspace_has_a_name(session_registry: Registry, session_registry_path: Path, workspace: str) -> None:
    with pytest.raises(InvalidValue, match="workspace"):
        session_registry.all_workspaces().workspace(workspace)
    with pytest.raises(InvalidValue, match="workspace"):
        Registry.open(session_registry_path, workspace=workspace)


def test_an_unknown_attribute_names_the_stores(session_registry: Registry) -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'locs'; its stores are sessions, locks, .*meta"):
        session_registry.locs  # noqa: B018
    assert not hasattr(session_registry, "__deepcopy__")


@pytest.mark.parametrize("name", stores.names())
def test_a_store_is_loaded_once(session_registry: Registry, name: str) -> None:
    assert getattr(session_registry, name) is getattr(session_registry, name)
    assert type(getattr(session_registry, name)) is stores.load(name)


@pytest.fixture
def records() -> list[WriteRecord]:
    return []


@pytest.fixture
def observed(session_registry_path: Path, records: list[WriteRecord]) -> Iterator[Registry]:
    with Registry.open(session_registry_path, observer=records.append) as registry:
        with registry.transaction():
            for name in ("one", "two", "three"):
                registry.sessions.register(f"expired {name}", ttl=MOMENT)
            for name in ("one", "two"):
                registry.sessions.register(f"dead {name}", pid=2**40)
            registry.sessions.register("living", ttl=HOUR)
            registry.tokens.mint("living", 7, ttl=MOMENT)
            registry.tokens.mint("living", 7)
            for name in ("a", "b", "c", "d"):
                registry.locks.acquire(name, "living", ttl=MOMENT)
            registry.locks.acquire("held", "living", ttl=HOUR)
        sleep(0.01)
        records.clear()
        yield registry


def test_a_cleanup_is_one_transaction_and_counts(observed: Registry, records: list[WriteRecord]) -> None:
    assert observed.cleanup() == Cleanup(expired_sessions=3, expired_tokens=1, freed_locks=4, dead_sessions=2)
    assert [record.outcome for record in records] == ["committed"]
    assert [session.session_id for session in observed.sessions.list(status="active")] == ["living"]
    assert [lock.name for lock in observed.locks.list()] == ["held"]
    assert observed.cleanup() == Cleanup(0, 0, 0, 0)


def test_a_cleanup_joins_an_open_transaction(observed: Registry, records: list[WriteRecord]) -> None:
    with pytest.raises(KeyError), observed.transaction():
        assert observed.cleanup().expired_sessions == 3
        raise KeyError
    assert [record.outcome for record in records] == ["rolled back"]
    assert len(observed.sessions.list()) == 6


def test_a_cleanup_that_fails_half_way_changes_nothing(
    observed: Registry, records: list[WriteRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(type(observed.tokens), "_remove_expired", fail)
        with pytest.raises(KeyError):
            observed.cleanup()
    assert [record.outcome for record in records] == ["rolled back"]
    assert observed.cleanup() == Cleanup(3, 1, 4, 2)


def test_a_cleanup_frees_the_locks_of_the_dead(session_registry: Registry) -> None:
    session_registry.sessions.register("dead", pid=2**40)
    session_registry.sessions.register("living")
    session_registry.locks.acquire("a", "dead", ttl=HOUR)
    session_registry.locks.acquire("b", "living", ttl=HOUR)
    assert session_registry.cleanup().freed_locks == 1
    assert [lock.name for lock in session_registry.locks.list()] == ["b"]


@pytest.fixture
def when_a_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something done while the clean-up looks at the process of a session."""

    def during(act: Callable[[], object]) -> None:
        def look(*process: Any) -> bool:
            act()
            return is_dead(*process)

        monkeypatch.setattr(sessions, "is_dead", look)

    return during


def test_a_cleanup_keeps_no_writer_waiting_while_it_looks_at_processes(
    session_registry: Registry, theirs: Registry, when_a_process_is_looked_at: Callable[[Callable[[], object]], None]
) -> None:
    session_registry.sessions.register("dead", pid=2**40)

    def write() -> None:
        with theirs.patience(0.2):
            theirs.sessions.register("another")

    when_a_process_is_looked_at(write)
    assert session_registry.cleanup().dead_sessions == 1
    assert theirs.sessions.get("another") is not None


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (lambda of: of.sessions.heartbeat("one"), "active"),
        (lambda of: of.sessions.register("one"), "active"),
        (lambda of: of.sessions.update("one", pid=os.getpid()), "active"),
        (lambda of: of.sessions.update("one", process_started_at=START), "active"),
        (lambda of: of.sessions.update("one", pid_namespace="pid:[1]"), "active"),
        (lambda of: of.sessions.finish("one"), "finished"),
        (lambda of: of.sessions.remove("one"), None),
        (lambda of: of.sessions.update("one", label="x"), "crashed"),
    ],
)
def test_a_cleanup_marks_only_what_is_as_it_was_when_it_looked(
    session_registry: Registry,
    when_a_process_is_looked_at: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Workspace], object],
    status: str | None,
) -> None:
    session_registry.sessions.register("one", pid=2**40)

    def change() -> None:
        monkeypatch.undo()
        with Registry.open(session_registry.path) as other:
            act(other)

    when_a_process_is_looked_at(change)
    assert session_registry.cleanup().dead_sessions == int(status == "crashed")
    session = session_registry.sessions.get("one")
    assert (session and session.status) == status
