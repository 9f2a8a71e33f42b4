from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from pytest_sessionreg import Registry, RetryBudget
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.registry.errors import (
    CannotOpen,
    DatabaseCorrupt,
    DatabaseReadOnly,
    NotARegistry,
    SchemaTooNew,
)
from pytest_sessionreg.registry.sqlite.schema import SCHEMA_VERSION, schema_version


def _pragma(registry: Registry, name: str) -> object:
    ((value,),) = registry._database.read(f"PRAGMA {name}")
    return value


def test_the_connection_is_set_up_as_designed(session_registry: Registry) -> None:
    assert _pragma(session_registry, "journal_mode") == "wal"
    assert _pragma(session_registry, "synchronous") == 1
    assert _pragma(session_registry, "foreign_keys") == 1
    assert _pragma(session_registry, "mmap_size") == 0


def test_a_settled_file_opens_while_another_writer_holds_the_lock(database: str) -> None:
    Registry.open(database).close()
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        # a policy that gives up at once: any write at open would raise
        with Registry.open(database, policy=RetryBudget(retries=0)) as registry:
            assert registry.sessions.list() == []
    finally:
        holder.close()


def test_many_openers_of_a_new_file_all_succeed(database: str, workers: Workers) -> None:
    def open_and_count(path: str) -> int:
        with Registry.open(path) as registry:
            return len(registry.sessions.list())

    for attempt in range(3):
        assert workers.run(open_and_count, 12, f"{database}{attempt}") == [0] * 12


def test_openers_after_a_crash_wait_for_its_recovery(database: str, workers: Workers) -> None:
    def crash(path: str) -> None:
        registry = Registry.open(path)
        for number in range(300):
            registry.sessions.register(f"s{number}")
        os.kill(os.getpid(), 9)

    def count(path: str) -> int:
        with Registry.open(path) as registry:
            return len(registry.sessions.list())

    with pytest.raises(Exception, match="killed by signal 9"):
        workers.run(crash, 1, database)
    assert workers.run(count, 12, database) == [300] * 12


@pytest.mark.parametrize("content", [b"x", b"hello, I am a text file\n" * 40, bytes(range(256)) * 64])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(DatabaseCorrupt) as caught:
        Registry.open(path)
    assert caught.value.code == sqlite3.SQLITE_NOTADB
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_another_applications_database_is_refused_and_left_alone(database: str) -> None:
    other = sqlite3.connect(database)
    other.execute("CREATE TABLE theirs (a)")
    other.commit()
    other.close()
    with pytest.raises(NotARegistry):
        Registry.open(database)
    other = sqlite3.connect(database)
    assert [name for (name,) in other.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    other.close()


def test_a_file_that_another_opener_migrates_meanwhile_is_not_taken_for_a_foreign_one(database: str) -> None:
    class Interrupted:
        def __init__(self) -> None:
            self.connection = sqlite3.connect(database)

        def execute(self, sql: str) -> sqlite3.Cursor:
            if "sqlite_master" in sql:
                Registry.open(database).close()
            return self.connection.execute(sql)

    interrupted = Interrupted()
    try:
        assert schema_version(interrupted, database) == SCHEMA_VERSION  # type: ignore[arg-type]
    finally:
        interrupted.connection.close()


def test_a_newer_schema_is_refused_with_both_numbers(database: str) -> None:
    Registry.open(database).close()
    newer = sqlite3.connect(database)
    newer.execute("PRAGMA user_version=999")
    newer.close()
    with pytest.raises(SchemaTooNew, match=r"schema version 999, this package knows \d+; upgrade"):
        Registry.open(database)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CannotOpen, match="writable"):
            Registry.open(tmp_path / "sessions.db")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="/proc is Linux's")
def test_a_directory_that_takes_no_file_is_refused() -> None:
    with pytest.raises(CannotOpen, match="cannot be created"):
        Registry.open("/proc/sessions.db")


def test_a_read_only_connection_reports_itself_when_written(database: str) -> None:
    with Registry.open(database) as registry:
        registry._database._execute("PRAGMA query_only=ON")
        with pytest.raises(DatabaseReadOnly) as caught:
            registry.sessions.register("one")
    assert caught.value.code == sqlite3.SQLITE_READONLY
