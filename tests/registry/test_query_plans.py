"""Every statement of every store is served by an index: read from SQLite's own EXPLAIN QUERY PLAN."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry import stores

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

# A whole table is read only where that is the answer, or where the table is the statement's own.
SCANS_ALLOWED = {
    "SCAN sqlite_master",  # all_workspaces().ids: the names of the tables
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


def calls_workspace(registry: Registry) -> None:
    registry.cleanup()
    registry.all_workspaces().ids()


# Every public method, in each store's test.
CALLS: dict[str, Callable[[Registry], None]] = {
    **{name: import_module(f"tests.registry.stores.test_{name}").calls for name in stores.names()},
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
    for name in stores.names():
        store = stores.load(name)
        public = {method for method, _ in inspect.getmembers(store, inspect.isfunction) if not method.startswith("_")}
        called = set(CALLS[name].__code__.co_names)
        assert public <= called, f"{name}: {sorted(public - called)}"
