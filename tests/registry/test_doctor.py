from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.doctor import Diagnosis, Finding, examine
from pytest_sessionreg.registry.errors import CannotOpen
from pytest_sessionreg.registry.sqlite.connection import LOG_LIMIT_BYTES


def _finding(diagnosis: Diagnosis, name: str) -> Finding:
    (found,) = [finding for finding in diagnosis.findings if finding.name == name]
    return found


def test_a_healthy_registry_has_nothing_wrong(session_registry: Registry) -> None:
    session_registry.sessions.register("one", pid=os.getpid())
    diagnosis = examine(session_registry.path)
    assert not diagnosis.wrong
    assert not diagnosis.damaged
    assert _finding(diagnosis, "journal mode").value == "wal"
    assert _finding(diagnosis, "write queue").value == "idle"
    assert _finding(diagnosis, "quick check").value == "ok"
    assert sqlite3.sqlite_version in _finding(diagnosis, "SQLite").value


def test_the_examination_writes_nothing(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    before = {suffix: Path(session_registry.path + suffix).read_bytes() for suffix in ("", "-wal", "-line")}
    examine(session_registry.path, full=True)
    assert {suffix: Path(session_registry.path + suffix).read_bytes() for suffix in before} == before


def test_a_missing_file_is_not_created(database: str) -> None:
    with pytest.raises(CannotOpen, match="does not exist"):
        examine(database)
    assert not os.path.exists(database)


def test_a_dead_session_is_wrong_and_the_remedy_is_said(session_registry: Registry) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    session_registry.sessions.register("one", pid=process.pid)
    assert not examine(session_registry.path).wrong
    process.communicate()
    finding = _finding(examine(session_registry.path), "sessions")
    assert (finding.level, finding.value) == ("wrong", "1 active, 1 of them dead")
    assert "cleanup" in finding.remedy
    assert session_registry.cleanup().dead_sessions == 1
    assert not examine(session_registry.path).wrong


def test_a_lock_of_a_session_that_ended_is_stale(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    session_registry.locks.acquire("name", "one", ttl=timedelta(hours=1))
    assert _finding(examine(session_registry.path), "locks").value == "1 held, 0 stale"
    session_registry.sessions.finish("one")
    assert _finding(examine(session_registry.path), "locks").level == "wrong"
    assert session_registry.cleanup().freed_locks == 1
    assert not examine(session_registry.path).wrong


def test_a_writer_inside_the_queue_is_seen_and_named(session_registry: Registry) -> None:
    with session_registry.transaction():
        value = _finding(examine(session_registry.path), "write queue").value
    assert value.startswith(f"held by pid {os.getpid()} (")
    assert value.endswith("), alive")
    assert _finding(examine(session_registry.path), "write queue").value == "idle"


def test_a_newer_schema_is_wrong(database: str) -> None:
    Registry.open(database).close()
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version=999")
    connection.close()
    diagnosis = examine(database)
    assert diagnosis.wrong
    assert not diagnosis.damaged
    assert "999" in _finding(diagnosis, "database").value


def test_another_journal_mode_is_wrong(database: str) -> None:
    Registry.open(database).close()
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    assert _finding(examine(database), "journal mode").level == "wrong"


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    diagnosis = examine(path)
    assert diagnosis.damaged
    assert "NOTADB" in _finding(diagnosis, "database").value


def test_a_log_that_a_reader_pins_is_wrong_and_the_reader_is_named(session_registry: Registry) -> None:
    reader = sqlite3.connect(session_registry.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sessions").fetchall()
    with session_registry.transaction() as own:
        own.execute("CREATE TABLE ballast (bytes BLOB)")
        own.execute("INSERT INTO ballast VALUES (zeroblob(20000000))")
    found = _finding(examine(session_registry.path), "write-ahead log")
    assert found.level == "wrong"
    assert f"read by pid {os.getpid()} (" in found.value
    reader.close()
    found = _finding(examine(session_registry.path), "write-ahead log")
    assert (found.level, "pid" in found.value) == ("note", False)
    for _ in range(3):
        session_registry.sessions.register("one")
    assert _finding(examine(session_registry.path), "write-ahead log").level == "ok"
    assert os.stat(session_registry.path + "-wal").st_size <= LOG_LIMIT_BYTES


def test_a_check_that_takes_too_long_is_left_unfinished_and_said_to_be(session_registry: Registry) -> None:
    with session_registry.transaction() as transaction:
        transaction.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
            "INSERT INTO learning SELECT 'default', 's-' || i, '{}', '2026' FROM n"
        )
    finding = _finding(examine(session_registry.path, full=True, deadline_s=0.000_001), "full check")
    assert finding.level == "note"
    assert "not finished" in finding.value


def test_a_missing_parent_row_is_wrong(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    session_registry.overrides.set("one", "key", 1)
    connection = sqlite3.connect(session_registry.path)
    connection.execute("DELETE FROM sessions")  # a plain connection enforces no foreign keys
    connection.commit()
    connection.close()
    finding = _finding(examine(session_registry.path), "quick check")
    assert finding.level == "wrong"
    assert "overrides" in finding.value
