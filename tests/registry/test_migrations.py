from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg import Registry
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.registry import migrations
from pytest_sessionreg.registry.clock import now, to_text
from pytest_sessionreg.registry.doctor import examine
from pytest_sessionreg.registry.errors import SchemaTooNew
from pytest_sessionreg.registry.liveness import pid_namespace, process_identity
from pytest_sessionreg.registry.migrations import read
from pytest_sessionreg.registry.sqlite import schema
from pytest_sessionreg.registry.sqlite.migration import statements
from pytest_sessionreg.registry.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION


def test_the_known_version_is_that_of_the_newest_file() -> None:
    directory = os.path.dirname(migrations.__file__)
    numbers = sorted(int(name[:4]) for name in os.listdir(directory) if name.endswith(".sql"))
    assert numbers == list(range(1, SCHEMA_VERSION + 1))


def test_a_missing_migration_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no migration number 9999"):
        read(9999)


def test_an_unfinished_statement_is_refused() -> None:
    with pytest.raises(ValueError, match="unfinished statement"):
        statements("CREATE TABLE a (b);\nCREATE TABLE c (d)")


@given(st.lists(st.sampled_from(["CREATE TABLE a (b);", "-- a comment; with a semicolon\nSELECT 1;", "SELECT ';';"])))
def test_statements_are_split_where_sqlite_would(parts: list[str]) -> None:
    assert statements("\n".join(parts)) == parts


def test_racing_openers_migrate_once(database: str, workers: Workers) -> None:
    def migrate(path: str) -> int:
        with Registry.open(path) as registry:
            return registry._database.schema_version()

    assert workers.run(migrate, 8, database) == [SCHEMA_VERSION] * 8


@pytest.fixture
def first_version(database: str) -> str:
    """A registry as the first schema made it, with a session of a living process."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(read(1))
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("PRAGMA user_version=1")
        _register_in_the_first_version(connection, "old", os.getpid())
    return database


def _register_in_the_first_version(connection: sqlite3.Connection, session_id: str, pid: int) -> None:
    start = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    connection.execute(
        "INSERT INTO sessions (workspace_id, session_id, pid, process_started_at, pid_namespace, status, started_at, "
        "last_heartbeat_at) VALUES ('default', ?, ?, ?, ?, 'active', ?, ?) ON CONFLICT (workspace_id, session_id) "
        "DO UPDATE SET pid = excluded.pid, process_started_at = excluded.process_started_at",
        (session_id, pid, to_text(start), pid_namespace(), now(), now()),
    )


def test_the_sessions_of_the_first_version_are_judged_as_they_were(first_version: str) -> None:
    with closing(sqlite3.connect(first_version, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO sessions SELECT workspace_id, 'reused', pid, ppid, '2020-01-01T00:00:00.000000Z', "
            "pid_namespace, cwd, repo_path, repo_hash, worktree, branch, parent_id, label, notify, transport_kind, "
            "transport_details, status, started_at, last_heartbeat_at, ended_at, expires_at, metadata FROM sessions"
        )
    assert examine(first_version).wrong is False
    with Registry.open(first_version) as registry:
        assert registry.cleanup().dead_sessions == 1
        assert [session.session_id for session in registry.sessions.find_running()] == ["old"]
        assert registry._database.read("SELECT DISTINCT process_identity FROM sessions") == [(None,)]
        registry.sessions.register("old", pid=os.getpid())
        assert registry._database.read("SELECT process_identity FROM sessions WHERE session_id = 'old'") == [
            (process_identity(os.getpid()),)
        ]


def test_racing_openers_migrate_an_older_file_once(first_version: str, workers: Workers) -> None:
    def migrate(path: str) -> list[str]:
        with Registry.open(path) as registry:
            registry.sessions.register(f"{os.getpid()}", pid=os.getpid())
            assert registry._database.schema_version() == SCHEMA_VERSION
            return [session.session_id for session in registry.sessions.list()]

    assert all("old" in found for found in workers.run(migrate, 8, first_version))
    with Registry.open(first_version) as registry:
        assert len(registry.sessions.list()) == 9


def test_a_program_of_the_first_version_goes_on_in_a_file_that_was_migrated_under_it(first_version: str) -> None:
    with closing(sqlite3.connect(first_version, isolation_level=None)) as older:
        _register_in_the_first_version(older, "theirs", os.getpid())
        with Registry.open(first_version) as registry:
            registry.sessions.register("ours", pid=1)
            _register_in_the_first_version(older, "theirs", os.getpid())
            _register_in_the_first_version(older, "ours", os.getpid())
            assert registry.cleanup().dead_sessions == 0
            assert registry.sessions.heartbeat("theirs")


def test_a_program_of_the_first_version_refuses_a_file_that_was_migrated(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Registry.open(database).close()
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)
    with pytest.raises(SchemaTooNew, match="upgrade pytest-sessionreg"):
        Registry.open(database)


def test_a_failed_migration_of_an_older_file_leaves_it_as_it_was(
    first_version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "read", lambda number: read(number) + "CREATE TABLE sessions (a);\n")
    with pytest.raises(Exception, match="migrating it to schema version"):
        Registry.open(first_version)
    monkeypatch.undo()
    with closing(sqlite3.connect(first_version)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with Registry.open(first_version) as registry:
        assert len(registry.sessions.list()) == 1


def test_a_failed_migration_leaves_nothing_behind(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "read", lambda _: "CREATE TABLE half (a);\nCREATE TABLE half (a);\n")
    with pytest.raises(Exception, match="migrating it to schema version"):
        Registry.open(database)
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()
