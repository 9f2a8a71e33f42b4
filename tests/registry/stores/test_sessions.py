from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_sessionreg import Registry, WriteRecord
from pytest_sessionreg.registry.cleanup import Sweep
from pytest_sessionreg.registry.errors import InvalidValue
from pytest_sessionreg.registry.liveness import TOLERANCE_S, is_dead, process_start
from pytest_sessionreg.registry.stores import sessions
from pytest_sessionreg.registry.stores.sessions import Session
from pytest_sessionreg.registry.workspace import Workspace
from tests.registry.stores.arguments import combinations


def test_a_registered_session_can_be_read_back(session_registry: Registry) -> None:
    before = datetime.now(UTC)
    session_registry.sessions.register("one", pid=42, cwd="/home/dev", label="foo", metadata={"a": [1, "ü"]})
    session = session_registry.sessions.get("one")
    assert session is not None
    assert (session.session_id, session.pid, session.cwd, session.label) == ("one", 42, "/home/dev", "foo")
    assert (session.status, session.ended_at, session.metadata) == ("active", None, {"a": [1, "ü"]})
    assert before - timedelta(seconds=1) <= session.started_at == session.last_heartbeat_at


def test_an_unknown_session_is_none_and_changes_nothing(session_registry: Registry) -> None:
    assert session_registry.sessions.get("nobody") is None
    assert not session_registry.sessions.heartbeat("nobody")
    assert not session_registry.sessions.finish("nobody")


def test_a_heartbeat_moves_only_the_heartbeat(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    first = session_registry.sessions.get("one")
    assert session_registry.sessions.heartbeat("one")
    second = session_registry.sessions.get("one")
    assert first is not None
    assert second is not None
    assert second.last_heartbeat_at > first.last_heartbeat_at
    assert second.started_at == first.started_at


def test_a_finished_session_has_an_end_and_no_more_heartbeats(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    assert session_registry.sessions.finish("one")
    session = session_registry.sessions.get("one")
    assert session is not None
    assert session.status == "finished"
    assert session.ended_at is not None
    assert not session_registry.sessions.finish("one")
    assert not session_registry.sessions.heartbeat("one")


def test_a_resumed_session_is_refreshed_and_keeps_its_start(session_registry: Registry) -> None:
    session_registry.sessions.register("one", label="old")
    first = session_registry.sessions.get("one")
    session_registry.sessions.finish("one")
    session_registry.sessions.register("one", label="new")
    again = session_registry.sessions.get("one")
    assert first is not None
    assert again is not None
    assert (again.status, again.label, again.ended_at) == ("active", "new", None)
    assert again.started_at == first.started_at


def test_sessions_are_listed_by_status_the_oldest_first(session_registry: Registry) -> None:
    for name in ("c", "a", "b"):
        session_registry.sessions.register(name)
    session_registry.sessions.finish("a")
    assert [session.session_id for session in session_registry.sessions.list()] == ["c", "a", "b"]
    assert [session.session_id for session in session_registry.sessions.list(status="active")] == ["c", "b"]
    assert [session.session_id for session in session_registry.sessions.list(status="finished")] == ["a"]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("session_id", {"session_id": ""}),
        ("session_id", {"session_id": "a\0b"}),
        ("session_id", {"session_id": "x" * 10_000}),
        ("session_id", {"session_id": 7}),
        ("pid", {"session_id": "one", "pid": "7"}),
        ("pid", {"session_id": "one", "pid": True}),
        ("cwd", {"session_id": "one", "cwd": 7}),
        ("metadata", {"session_id": "one", "metadata": {"a": object()}}),
        ("metadata", {"session_id": "one", "metadata": {"a": float("nan")}}),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_written(
    session_registry: Registry, field: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue, match=field):
        session_registry.sessions.register(**arguments)
    assert session_registry.sessions.list() == []


def test_an_unknown_status_is_a_value_error(session_registry: Registry) -> None:
    with pytest.raises(ValueError, match="status='sleeping'"):
        session_registry.sessions.list(status="sleeping")


SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
FIELDS: dict[str, Any] = {
    "pid": os.getpid(),
    "ppid": 41,
    "process_started_at": process_start(os.getpid()),
    "cwd": "/home/dev/p",
    "repo_path": "/home/dev/p",
    "worktree": "/home/dev/w",
    "branch": "main",
    "parent_id": "parent",
    "label": "p",
    "notify": True,
    "transport_kind": "tmux",
    "transport_details": {"pane": "%5"},
    "metadata": {"a": 1},
}


def found(registry: Registry, session_id: str) -> Session:
    session = registry.sessions.get(session_id)
    assert session is not None
    return session


def ids(sessions: list[Session]) -> list[str]:
    return [session.session_id for session in sessions]


def test_every_field_can_be_read_back(session_registry: Registry) -> None:
    session_registry.sessions.register("one", **FIELDS, ttl=DAY)
    session = found(session_registry, "one")
    assert {name: getattr(session, name) for name in FIELDS} == FIELDS
    assert session.repo_hash == sha256(b"/home/dev/p").hexdigest()[:16]
    assert session.expires_at == session.started_at + DAY
    assert session.workspace_id == session_registry.workspace_id


def test_a_session_of_nothing_but_an_id_has_defaults(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    session = found(session_registry, "one")
    assert (session.notify, session.transport_kind, session.transport_details) == (False, "unknown", {})
    assert (session.metadata, session.expires_at, session.pid, session.repo_hash) == ({}, None, None, None)


def test_the_start_of_a_living_process_is_looked_up(session_registry: Registry) -> None:
    session_registry.sessions.register("one", pid=os.getpid())
    started = found(session_registry, "one").process_started_at
    assert started is not None
    assert abs(started.timestamp() - psutil.Process().create_time()) < TOLERANCE_S


def test_a_resumed_session_keeps_what_is_not_mentioned(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.sessions.register("one", **FIELDS, ttl=DAY)
    before = found(session_registry, "one")
    session_registry.sessions.finish("one")
    let_pass(SECOND)
    session_registry.sessions.register("one")
    assert found(session_registry, "one") == replace(before, last_heartbeat_at=before.started_at + SECOND)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cwd", "/tmp/x"),  # noqa: S108  nothing is made there
        ("branch", "side"),
        ("notify", False),
        ("transport_details", {}),
        ("metadata", {}),
        ("transport_kind", "pty"),
        ("ppid", 40),
    ],
)
def test_a_resumed_session_takes_what_is_mentioned(session_registry: Registry, field: str, value: Any) -> None:
    session_registry.sessions.register("one", **FIELDS)
    before = found(session_registry, "one")
    session_registry.sessions.register("one", **{field: value})
    after = found(session_registry, "one")
    assert getattr(after, field) == value
    assert replace(after, **{field: getattr(before, field)}, last_heartbeat_at=before.last_heartbeat_at) == before


def test_a_session_resumed_in_another_repository_has_its_hash(session_registry: Registry) -> None:
    session_registry.sessions.register("one", repo_path="/a")
    session_registry.sessions.register("one", repo_path="/b")
    assert found(session_registry, "one").repo_hash == sha256(b"/b").hexdigest()[:16]


def test_a_session_resumed_by_a_process_of_unknown_start_forgets_the_old_ones(session_registry: Registry) -> None:
    session_registry.sessions.register("one", pid=os.getpid())
    session_registry.sessions.register("one", pid=2**40)  # no process can have that number
    assert found(session_registry, "one").process_started_at is None


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until its standard input ends."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        yield process


@pytest.mark.parametrize("end", ["nothing", "finish", "cleanup", "sweep"])
def test_a_session_resumed_without_a_pid_forgets_a_process_that_is_gone(
    session_registry: Registry,
    let_pass: Callable[[timedelta], None],
    child: subprocess.Popen[bytes],
    end: str,
) -> None:
    session_registry.sessions.register("one", pid=child.pid)
    child.communicate()
    if end == "finish":
        session_registry.sessions.finish("one")
    elif end == "cleanup":
        assert session_registry.cleanup().dead_sessions == 1
    elif end == "sweep":
        let_pass(SECOND)
        assert session_registry.sessions.sweep(stale_after=SECOND / 2).crashed == 1
    session_registry.sessions.register("one", branch="main")
    session = found(session_registry, "one")
    assert (session.status, session.branch) == ("active", "main")
    assert (session.pid, session.process_started_at, session.pid_namespace) == (None, None, None)
    assert session_registry.cleanup().dead_sessions == 0


@pytest.mark.parametrize("finished", [True, False])
def test_a_session_resumed_without_a_pid_keeps_a_process_that_lives(
    session_registry: Registry, child: subprocess.Popen[bytes], *, finished: bool
) -> None:
    session_registry.sessions.register("one", pid=child.pid)
    before = found(session_registry, "one")
    if finished:
        session_registry.sessions.finish("one")
    session_registry.sessions.register("one")
    assert replace(found(session_registry, "one"), last_heartbeat_at=before.last_heartbeat_at) == before
    child.communicate()
    assert session_registry.cleanup().dead_sessions == 1


def test_a_session_resumed_without_a_pid_keeps_a_process_that_cannot_be_judged(session_registry: Registry) -> None:
    session_registry.sessions.register("one", pid=2**40)
    session_registry.sessions.update("one", pid_namespace="pid:[1]")
    session_registry.sessions.register("one")
    assert found(session_registry, "one").pid == 2**40


def test_a_process_that_came_in_between_is_not_forgotten(
    session_registry: Registry, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    session_registry.sessions.register("one", pid=2**40)

    def look(*process: Any) -> bool:
        monkeypatch.undo()
        gone = is_dead(*process)
        with Registry.open(session_registry.path) as other:
            other.sessions.register("one", pid=child.pid)
        return gone

    monkeypatch.setattr(sessions, "is_dead", look)
    session_registry.sessions.register("one")
    assert found(session_registry, "one").pid == child.pid


def test_a_resumption_inside_a_transaction_forgets_a_process_too_or_nothing(session_registry: Registry) -> None:
    session_registry.sessions.register("one", pid=2**40)
    with pytest.raises(KeyError), session_registry.transaction():
        session_registry.sessions.register("one")
        assert found(session_registry, "one").pid is None
        raise KeyError
    assert found(session_registry, "one").pid == 2**40
    with session_registry.transaction():
        session_registry.sessions.register("one", label="x")
    assert (found(session_registry, "one").pid, found(session_registry, "one").label) == (None, "x")


def test_a_session_without_a_pid_is_resumed_in_one_write(session_registry_path: Path) -> None:
    records: list[WriteRecord] = []
    with Registry.open(session_registry_path, observer=records.append) as registry:
        records.clear()
        for _ in range(2):
            registry.sessions.register("one")
        assert [record.outcome for record in records] == ["committed"] * 2


def test_a_session_resumed_after_its_expiry_does_not_expire_at_once(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.sessions.register("one", ttl=DAY)
    let_pass(2 * DAY)
    session_registry.sessions.register("one")
    session_registry.cleanup()
    assert found(session_registry, "one").expires_at is None


def test_a_time_to_live_counts_from_the_latest_registration_that_names_one(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.sessions.register("one", ttl=DAY)
    let_pass(DAY / 2)
    session_registry.sessions.register("one", ttl=DAY)
    session = found(session_registry, "one")
    assert session.expires_at == session.started_at + 1.5 * DAY


def test_a_frequent_heartbeat_is_written_only_when_the_last_is_old_enough(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.sessions.register("one")
    start = found(session_registry, "one").last_heartbeat_at
    for passed in (0.5, 0.4):
        let_pass(passed * SECOND)
        assert session_registry.sessions.heartbeat("one", min_interval=SECOND)
        assert found(session_registry, "one").last_heartbeat_at == start
    let_pass(0.1 * SECOND)
    assert session_registry.sessions.heartbeat("one", min_interval=SECOND)
    assert found(session_registry, "one").last_heartbeat_at == start + SECOND


def test_a_heartbeat_that_is_not_due_takes_no_write_lock(session_registry_path: Path) -> None:
    records: list[WriteRecord] = []
    with Registry.open(session_registry_path, observer=records.append) as registry:
        registry.sessions.register("one")
        records.clear()
        assert registry.sessions.heartbeat("one", min_interval=DAY)
        assert not registry.sessions.heartbeat("nobody", min_interval=DAY)
        assert records == []


def test_a_rate_limited_heartbeat_of_an_ended_session_is_refused(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    session_registry.sessions.finish("one")
    assert not session_registry.sessions.heartbeat("one", min_interval=DAY)


@pytest.mark.parametrize("interval", [timedelta(0), -SECOND, 5])
def test_a_bad_interval_is_named_also_for_an_unknown_session(session_registry: Registry, interval: timedelta) -> None:
    with pytest.raises(InvalidValue, match="min_interval"):
        session_registry.sessions.heartbeat("nobody", min_interval=interval)


def test_every_combination_of_filters_is_met(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    made = list(product(("active", "finished"), ("/a", "/b"), ("x", "y"), (True, False)))
    for number, (status, repo_path, branch, notify) in enumerate(made):
        session_registry.sessions.register(f"{number:02}", repo_path=repo_path, branch=branch, notify=notify)
        if status == "finished":
            session_registry.sessions.finish(f"{number:02}")
        let_pass(SECOND)
    names = ("status", "repo_path", "branch", "notify")
    for wanted in product(
        ("active", "finished", "crashed", None), ("/a", "/c", None), ("y", None), (True, False, None)
    ):
        expected = [
            f"{number:02}"
            for number, values in enumerate(made)
            if all(want in (None, value) for want, value in zip(wanted, values, strict=True))
        ]
        filters: dict[str, Any] = dict(zip(names, wanted, strict=True))
        assert ids(session_registry.sessions.list(**filters)) == expected


@pytest.mark.parametrize(
    ("field", "value"), [("notify", "yes"), ("notify", 1), ("repo_path", 7), ("branch", ["main"]), ("status", "")]
)
def test_a_bad_filter_is_named(session_registry: Registry, field: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=field):
        session_registry.sessions.list(**{field: value})


def test_sessions_of_one_instant_come_by_id(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    for name in ("c", "a", "b"):
        session_registry.sessions.register(name, ppid=7)
    let_pass(-SECOND)
    session_registry.sessions.register("d", ppid=7)
    assert ids(session_registry.sessions.list()) == ["d", "a", "b", "c"]
    assert ids(session_registry.sessions.by_ppid(7)) == ["d", "a", "b", "c"]


def test_sessions_are_found_by_the_parent_process(session_registry: Registry) -> None:
    session_registry.sessions.register("one", ppid=7)
    session_registry.sessions.register("two", ppid=8)
    session_registry.sessions.register("three")
    assert ids(session_registry.sessions.by_ppid(7)) == ["one"]
    assert session_registry.sessions.by_ppid(9) == []
    with pytest.raises(InvalidValue, match="ppid"):
        session_registry.sessions.by_ppid(-1)


def test_an_update_changes_some_fields_only(session_registry: Registry) -> None:
    session_registry.sessions.register("one", **FIELDS)
    before = found(session_registry, "one")
    assert session_registry.sessions.update("one", label="new", notify=False)
    assert found(session_registry, "one") == replace(before, label="new", notify=False)
    assert not session_registry.sessions.update("nobody", label="new")


def test_an_update_of_nothing_says_whether_the_session_is_there(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    assert session_registry.sessions.update("one")
    assert not session_registry.sessions.update("nobody")


@pytest.mark.parametrize(
    ("field", "cleared"),
    [
        ("pid", None),
        ("ppid", None),
        ("process_started_at", None),
        ("cwd", None),
        ("repo_path", None),
        ("worktree", None),
        ("branch", None),
        ("parent_id", None),
        ("label", None),
        ("expires_at", None),
        ("notify", False),
        ("transport_kind", "unknown"),
        ("transport_details", {}),
        ("metadata", {}),
    ],
)
def test_an_update_to_none_clears(session_registry: Registry, field: str, cleared: Any) -> None:
    session_registry.sessions.register("one", **FIELDS, ttl=DAY)
    assert session_registry.sessions.update("one", **{field: None})
    assert getattr(found(session_registry, "one"), field) == cleared


def test_the_hash_goes_with_the_repository(session_registry: Registry) -> None:
    session_registry.sessions.register("one", repo_path="/a")
    session_registry.sessions.update("one", repo_path="/b")
    assert found(session_registry, "one").repo_hash == sha256(b"/b").hexdigest()[:16]
    session_registry.sessions.update("one", repo_path=None)
    assert found(session_registry, "one").repo_hash is None


def test_a_session_updated_to_another_process_has_that_ones_start(session_registry: Registry) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    session_registry.sessions.register("one", pid=1, process_started_at=long_ago)
    session_registry.sessions.update("one", pid=os.getpid())
    assert found(session_registry, "one").process_started_at == process_start(os.getpid())
    assert session_registry.cleanup().dead_sessions == 0
    session_registry.sessions.update("one", pid=1, process_started_at=long_ago)
    assert found(session_registry, "one").process_started_at == long_ago
    session_registry.sessions.update("one", pid=None)
    assert found(session_registry, "one").process_started_at is None


def test_an_expiry_can_be_set(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    instant = datetime(2030, 1, 1, tzinfo=UTC)
    session_registry.sessions.update("one", expires_at=instant)
    assert found(session_registry, "one").expires_at == instant


@pytest.mark.parametrize("field", ["status", "started_at", "repo_hash", "ttl", "workspace_id", "session_id = 'x' --"])
def test_an_unknown_field_is_refused_and_nothing_changes(session_registry: Registry, field: str) -> None:
    session_registry.sessions.register("one")
    before = found(session_registry, "one")
    with pytest.raises(InvalidValue, match="no field"):
        session_registry.sessions.update("one", label="new", **{field: "x"})
    assert found(session_registry, "one") == before


def test_running_sessions_are_found_after_a_restart(session_registry_path: Path) -> None:
    with Registry.open(session_registry_path) as before:
        for name in ("one", "two", "three"):
            before.sessions.register(name)
        before.sessions.finish("two")
    with Registry.open(session_registry_path) as registry:
        assert ids(registry.sessions.find_running()) == ["one", "three"]


def test_a_sweep_marks_the_stale_and_removes_the_expired(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    for name, ttl in (("silent", None), ("beating", None), ("done", None), ("expired", DAY), ("lasting", 3 * DAY)):
        session_registry.sessions.register(name, ttl=ttl)
    session_registry.sessions.finish("done")
    let_pass(DAY)
    session_registry.sessions.heartbeat("beating")
    assert session_registry.sessions.sweep() == Sweep(crashed=0, expired=1)  # silent for exactly a day is not too long
    let_pass(SECOND)
    assert session_registry.sessions.sweep() == Sweep(crashed=2, expired=0)
    assert session_registry.sessions.sweep() == Sweep(crashed=0, expired=0)
    assert ids(session_registry.sessions.list(status="crashed")) == ["lasting", "silent"]
    assert found(session_registry, "silent").ended_at == found(session_registry, "beating").last_heartbeat_at + SECOND
    assert found(session_registry, "done").status == "finished"
    assert ids(session_registry.sessions.find_running()) == ["beating"]


def test_a_sweep_can_be_stricter(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    session_registry.sessions.register("one")
    let_pass(2 * SECOND)
    assert session_registry.sessions.sweep(stale_after=SECOND).crashed == 1
    with pytest.raises(InvalidValue, match="stale_after"):
        session_registry.sessions.sweep(stale_after=timedelta(0))


def test_a_crashed_session_can_be_resumed(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    session_registry.sessions.register("one")
    let_pass(2 * SECOND)
    session_registry.sessions.sweep(stale_after=SECOND)
    assert not session_registry.sessions.heartbeat("one")
    session_registry.sessions.register("one")
    assert (found(session_registry, "one").status, found(session_registry, "one").ended_at) == ("active", None)


def test_peers_are_the_other_live_sessions_in_the_same_place(session_registry: Registry) -> None:
    here: dict[str, Any] = {"repo_path": "/a", "branch": "main"}
    session_registry.sessions.register("me", **here)
    session_registry.sessions.register("peer", **here)
    session_registry.sessions.register("second", **here)
    session_registry.sessions.register("ended", **here)
    session_registry.sessions.finish("ended")
    session_registry.sessions.register("linked", **here, worktree="/w")
    session_registry.sessions.register("also linked", **here, worktree="/w")
    session_registry.sessions.register("side", repo_path="/a", branch="side")
    session_registry.sessions.register("detached", repo_path="/a")
    session_registry.sessions.register("also detached", repo_path="/a")
    session_registry.sessions.register("elsewhere", repo_path="/b", branch="main")
    session_registry.sessions.register("nowhere")
    session_registry.sessions.register("also nowhere")
    peers = session_registry.sessions.peers
    assert ids(peers("me")) == ["peer", "second"]
    assert ids(peers("peer")) == ["me", "second"]
    assert ids(peers("linked")) == ["also linked"]
    assert ids(peers("detached")) == ["also detached"]
    assert peers("side") == peers("nowhere") == peers("nobody") == []


def test_what_hangs_on_a_session_goes_with_it_and_nothing_else(session_registry: Registry) -> None:
    for name in ("gone", "left"):
        session_registry.sessions.register(name)
    for name in ("gone", "left"):
        session_registry.locks.acquire(f"lock of {name}", name, ttl=DAY)
        session_registry.overrides.set(name, "key", 1)
        session_registry.worktrees.link(name, "left")
        session_registry.skills.suggest(name, "plan")
        session_registry.skills.invoke(name, "plan")
        session_registry.outputs.append(name, "text")
        session_registry.tokens.mint(name, 7)
        session_registry.learning.put(name, {})
    assert session_registry.sessions.remove("gone")
    assert not session_registry.sessions.remove("gone")
    with session_registry.transaction() as transaction:
        tables = [
            name
            for (name,) in transaction.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if any(row[2] == "sessions" for row in transaction.execute(f"PRAGMA foreign_key_list({name})"))
        ]
        tables_left = {name: transaction.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    dependent = ("locks", "outputs", "overrides", "skill_invocations", "skill_suggestions", "tokens", "worktrees")
    assert tables_left == dict.fromkeys(dependent, 1)
    assert len(session_registry.learning.list()) == 2


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py
HOUR = timedelta(hours=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(of: Workspace) -> None:
    of.sessions.register("one", ppid=7, repo_path="/a")


def reads(of: Workspace) -> list[object]:
    return [of.sessions.get("one"), of.sessions.list(), of.sessions.by_ppid(7)]


def changes(of: Workspace) -> list[object]:
    return [
        of.sessions.heartbeat("one"),
        of.sessions.update("one", label="x"),
        of.sessions.finish("one"),
        of.sessions.remove("one"),
    ]


def calls(registry: Registry) -> None:
    store = registry.sessions
    store.register("a", pid=1, ppid=1, process_started_at=START, repo_path="/a", branch="b", ttl=HOUR)
    store.heartbeat("a")
    store.heartbeat("a", min_interval=HOUR)
    store.get("a")
    for notify in (True, False):
        for filters in combinations(status="active", repo_path="/a", branch="b", notify=notify):
            store.list(**filters)
    store.by_ppid(1)
    store.find_running()
    store.peers("a")
    store.update("a", label="x", expires_at=None)
    store.finish("a")
    store.sweep()
    store.remove("a")
