"""Every statement of every store is served by an index: read from SQLite's own EXPLAIN QUERY PLAN."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import product
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.workspace import STORES

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

# A whole table is read only where that is the answer, or where the table is the statement's own.
SCANS_ALLOWED = {
    "SCAN meta",  # meta.list: all of a small table, in the order of its key
    "SCAN CONSTANT ROW",  # VALUES
    "SCAN (subquery-2)",  # skills.of_session groups the rows that two index searches gave
    "SCAN (subquery-3)",  # so does skills.adoption_by_skill
}
# A whole workspace is read only by these.
WORKSPACES_ALLOWED = [
    # everything, or everything in order up to a limit
    "SELECT .* FROM sessions WHERE workspace_id = 'default' ORDER BY started_at, session_id",
    "SELECT .* FROM agents WHERE workspace_id = 'default' ORDER BY started_at, name",
    "(SELECT count\\(\\*\\)|DELETE) FROM agents WHERE workspace_id = 'default'",
    "SELECT .* FROM runs WHERE workspace_id = 'default' ORDER BY started_at DESC, run_id DESC LIMIT .*",
    "SELECT count\\(\\*\\) FROM audit_events WHERE workspace_id = 'default'",
    "SELECT .* FROM audit_events WHERE workspace_id = 'default' ORDER BY at, id LIMIT .*",
    "SELECT .* FROM learning WHERE workspace_id = 'default' ORDER BY updated_at, session_id",
    # the index of those that are to be notified, and nearly everything but them
    "SELECT .* FROM sessions WHERE workspace_id = 'default' AND notify = [01].* ORDER BY started_at, session_id",
    # invocations of a window have no index by time, which every invocation would pay for: this one is for people
    "SELECT skill, sum\\(suggested\\), .* FROM skill_invocations AS s .* GROUP BY skill ORDER BY skill",
    # a lock that is not held has no row for long
    "SELECT .* FROM locks WHERE workspace_id = 'default' AND expires_at > '.*' ORDER BY name",
    "DELETE FROM locks WHERE .*",
]
SORTS_ALLOWED = [
    # three ranges of one index, whose orders must be merged; the agents that are active at once are few
    ("agents", "state IN ("),
    # the sum over two tables is built before it can be in order; it has one row per skill
    ("skills", "UNION ALL"),
]


def combinations(**choices: Any) -> Iterator[dict[str, Any]]:
    """Every way to give or leave out each argument."""
    for use in product((False, True), repeat=len(choices)):
        yield {name: value for (name, value), used in zip(choices.items(), use, strict=True) if used}


def calls_sessions(registry: Registry) -> None:
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


def calls_locks(registry: Registry) -> None:
    registry.locks.acquire("l", "s", ttl=HOUR)
    registry.locks.renew("l", "s", ttl=HOUR)
    registry.locks.holder("l")
    registry.locks.list()
    registry.locks.release("l", "s")


def calls_overrides(registry: Registry) -> None:
    registry.overrides.set("s", "k", 1)
    registry.overrides.get("s", "k")
    registry.overrides.list("s")
    registry.overrides.delete("s", "k")


def calls_worktrees(registry: Registry) -> None:
    registry.worktrees.link("s", "s")
    registry.worktrees.record_result("s", "done")
    registry.worktrees.get("s")
    registry.worktrees.children("s")


def calls_skills(registry: Registry) -> None:
    registry.skills.suggest("s", "k")
    registry.skills.invoke("s", "k")
    registry.skills.try_invoke("s", "k")
    registry.skills.of_session("s")
    registry.skills.adoption(HOUR)
    registry.skills.adoption_counts(HOUR)
    registry.skills.adoption_by_skill(HOUR)
    registry.skills.adoption_by_skill(HOUR, session_id="s")


def calls_outputs(registry: Registry) -> None:
    registry.outputs.append("s", "text")
    registry.outputs.list("s")
    registry.outputs.since("s", 0)
    registry.outputs.since("s", START)
    list(registry.outputs.pieces("s"))
    registry.outputs.full_text("s")
    registry.outputs.delete("s")


def calls_agents(registry: Registry) -> None:
    store = registry.agents
    store.upsert("a", run_id="r")
    store.get("a")
    store.active()
    store.all()
    store.by_run("r")
    store.count()
    store.count(state="working")
    store.set_state("a", "stalled")
    store.transition("a", "working")
    store.activity("a")
    store.escalation("a", 1, START)
    store.remove("a")
    store.purge(agent="a")
    store.purge(state="zombie")
    store.purge(all=True)


def calls_runs(registry: Registry) -> None:
    registry.runs.create(run_id="r")
    registry.runs.get("r")
    registry.runs.active()
    registry.runs.list()
    registry.runs.list(limit=3)
    registry.runs.count_agent("r")
    registry.runs.complete("r")


def calls_tokens(registry: Registry) -> None:
    token = registry.tokens.mint("s", 7)
    registry.tokens.validate(token, 7)
    registry.tokens.revoke(token)
    registry.tokens.expire()


def calls_inbox(registry: Registry) -> None:
    registry.inbox.put("c")
    registry.inbox.take()
    registry.inbox.put_back("c")
    registry.inbox.take("ann")
    registry.inbox.done("c")
    registry.inbox.get("c")
    registry.inbox.unfinished()
    registry.inbox.waiting()
    registry.inbox.prune(HOUR)


def calls_audit(registry: Registry) -> None:
    store = registry.audit
    store.append("e", source="s", event_type="t", payload="{}", run_id="r", agent_identity="a")
    for query in combinations(since=START, until=START, run_id="r", event_type="t", source="s"):
        store.count(**query)
        for page in combinations(limit=3, offset=2):
            store.query(**query, **page)
    store.prune(START)


def calls_jobs(registry: Registry) -> None:
    store = registry.jobs
    store.upsert("r", job_id="j", state="queued", scheduled_at=START)
    store.set_state("r", "running", pid=1)
    store.get("r")
    store.by_job("j")
    store.by_job("j", limit=3)
    store.by_state("queued")
    store.by_state("queued", limit=3)
    store.retry_chain("r")
    store.upsert_step("r", 0, target_type="t", target_id="i", state="running")
    store.steps("r")
    store.remove("r")


def calls_learning(registry: Registry) -> None:
    registry.learning.put("s", {})
    registry.learning.get("s")
    registry.learning.list()
    registry.learning.remove("s")


def calls_meta(registry: Registry) -> None:
    registry.meta.set("k", "v")
    registry.meta.mark("k", "v")
    registry.meta.get("k")
    registry.meta.list()
    registry.meta.delete("k")


def calls_workspace(registry: Registry) -> None:
    registry.cleanup()
    registry.all_workspaces().ids()


CALLS: dict[str, Callable[[Registry], None]] = {
    "sessions": calls_sessions,
    "locks": calls_locks,
    "overrides": calls_overrides,
    "worktrees": calls_worktrees,
    "skills": calls_skills,
    "outputs": calls_outputs,
    "agents": calls_agents,
    "runs": calls_runs,
    "tokens": calls_tokens,
    "inbox": calls_inbox,
    "audit": calls_audit,
    "jobs": calls_jobs,
    "learning": calls_learning,
    "meta": calls_meta,
    "workspace": calls_workspace,
}


@pytest.fixture
def registry(session_registry: Registry) -> Registry:
    session_registry.sessions.register("s", ttl=HOUR)
    return session_registry


def statements_of(registry: Registry, call: Callable[[Registry], None]) -> list[str]:
    """The SQL that the call ran, with its values in place, so that it can be explained."""
    connection = registry._database._connection
    assert connection is not None
    traced: list[str] = []
    connection.set_trace_callback(traced.append)
    call(registry)
    connection.set_trace_callback(None)
    # what begins with "--" is SQLite's own: the cascades, which a test of their own covers
    kept = dict.fromkeys(sql for sql in traced if sql.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")))
    return [sql for sql in kept if "last_insert_rowid()" not in sql]


def plan_of(registry: Registry, sql: str) -> list[str]:
    return [row[3] for row in registry._database.read("EXPLAIN QUERY PLAN " + sql)]


@pytest.mark.parametrize("name", CALLS)
def test_no_statement_reads_a_whole_table(registry: Registry, name: str) -> None:
    statements = statements_of(registry, CALLS[name])
    assert statements
    steps = [(step, sql) for sql in statements for step in plan_of(registry, sql)]
    assert [found for found in steps if found[0].startswith("SCAN") and found[0] not in SCANS_ALLOWED] == []


@pytest.mark.parametrize("name", CALLS)
def test_no_lookup_reads_a_whole_workspace(registry: Registry, name: str) -> None:
    steps = [(step, sql) for sql in statements_of(registry, CALLS[name]) for step in plan_of(registry, sql)]
    assert [
        found
        for found in steps
        if found[0].startswith("SEARCH")
        and found[0].endswith("(workspace_id=?)")
        and not any(re.fullmatch(pattern, found[1]) for pattern in WORKSPACES_ALLOWED)
    ] == []


@pytest.mark.parametrize("name", CALLS)
def test_no_statement_sorts_what_an_index_holds_in_order(registry: Registry, name: str) -> None:
    steps = [(step, sql) for sql in statements_of(registry, CALLS[name]) for step in plan_of(registry, sql)]
    assert [
        found
        for found in steps
        if "TEMP B-TREE" in found[0] and not any(name == store and part in found[1] for store, part in SORTS_ALLOWED)
    ] == []


def test_every_cascade_is_served_by_an_index(registry: Registry) -> None:
    database = registry._database
    tables = [name for (name,) in database.read("SELECT name FROM sqlite_master WHERE type = 'table'")]
    keys: dict[tuple[str, int], list[str]] = {}
    for table in tables:
        for key, _, _, column, *_ in database.read(f"PRAGMA foreign_key_list({table})"):
            keys.setdefault((table, key), []).append(column)
    assert len(keys) >= 9
    for (table, _), columns in keys.items():
        where = " AND ".join(f"{column} = 'x'" for column in columns)
        (step,) = plan_of(registry, f"DELETE FROM {table} WHERE {where}")
        assert step.startswith(f"SEARCH {table} USING "), step
        assert all(f"{column}=?" in step for column in columns), step


def test_every_public_method_is_among_the_calls() -> None:
    assert set(CALLS) == {*STORES, "workspace"}
    for name, kind in STORES.items():
        store = getattr(import_module(f"pytest_sessionreg.registry.stores.{name}"), kind)
        public = {method for method, _ in inspect.getmembers(store, inspect.isfunction) if not method.startswith("_")}
        called = set(CALLS[name].__code__.co_names)
        assert public <= called, f"{name}: {sorted(public - called)}"
