from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.storm.workloads.statements import Statements, read_statements

_SCHEMA = "CREATE TABLE IF NOT EXISTS t (worker, sequence, note); CREATE INDEX IF NOT EXISTS i ON t (worker);"
_SCRIPT = """
-- a comment; with a semicolon
INSERT INTO t VALUES (:worker, :sequence, 'semicolons; in text');
/* and another */ UPDATE t SET note = 'seen' WHERE worker = :worker; SELECT count(*) FROM t
"""


def test_each_write_is_a_transaction_of_the_script(storm: Storm, tmp_path: Path) -> None:
    path = tmp_path / "mine.db"
    run = storm(Statements(_SCRIPT, _SCHEMA), workers=3, writes=5, hold_ms=0, think_ms=1, database=path)
    assert (run.workload, run.lost, run.counts.duplicated, run.failures) == ("sql", 0, 0, ())
    assert dict(run.workload_parameters) == {"sql": _SCRIPT, "schema": _SCHEMA}
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT worker, sequence, note FROM t ORDER BY 1, 2").fetchall()
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    finally:
        connection.close()
    assert rows == [(worker, sequence, "seen") for worker in range(3) for sequence in range(5)]
    assert tables == [("t",)], "the storm's own table is gone again"


def test_a_trigger_is_one_statement() -> None:
    trigger = "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;"
    assert len(Statements(f"{trigger} INSERT INTO t VALUES (1, 2, 3);").statements) == 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "holds no statement"),
        (" -- nothing\n/* at all */ ;;", "holds no statement"),
        ("BEGIN; SELECT 1; COMMIT;", "holds BEGIN; leave it out"),
        ("SELECT 1; /* the end */ rollback", "holds ROLLBACK"),
        ("SELECT 'open", "does not end"),
    ],
)
def test_a_script_that_makes_no_transaction_is_refused(script: str, words: str) -> None:
    with pytest.raises(StormError, match=words):
        Statements(script)


@pytest.mark.parametrize(
    ("script", "schema", "words"),
    [
        ("SELEC 1;", _SCHEMA, "'SELEC 1;' cannot be compiled: near \"SELEC\": syntax error"),
        ("INSERT INTO nowhere VALUES (1);", _SCHEMA, "no such table: nowhere"),
        ("SELECT :nobody;", _SCHEMA, "nobody"),
        ("SELECT 1;", "CREATE TABLE (", "the schema of the script cannot be run"),
    ],
)
def test_what_sqlite_cannot_compile_is_said_before_anybody_writes(
    storm: Storm, script: str, schema: str, words: str
) -> None:
    with pytest.raises(StormError, match=words) as caught:
        storm(Statements(script, schema), workers=1, writes=1)
    assert "\n" not in str(caught.value)


def test_a_statement_that_fails_is_rolled_back_and_counted(storm: Storm, tmp_path: Path) -> None:
    from pytest_sessionreg.storm.interruption import WorkloadFailed

    schema = "CREATE TABLE t (worker, sequence UNIQUE);"
    script = (
        "INSERT INTO t VALUES (:worker, -1 - :worker * 100 - :sequence); INSERT INTO t VALUES (:worker, :sequence);"
    )
    path = tmp_path / "mine.db"
    with pytest.raises(WorkloadFailed, match="UNIQUE constraint failed") as caught:
        storm(Statements(script, schema), workers=2, writes=3, think_ms=1, database=path)
    run = caught.value.run
    assert (run.counts.failed, run.counts.acknowledged, run.lost) == (3, 3, 0)


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1;")
    (tmp_path / "s.sql").write_text(_SCHEMA)
    (tmp_path / "binary.sql").write_bytes(b"\xff\xfe")
    found = read_statements(str(tmp_path / "a.sql"), str(tmp_path / "s.sql"))
    assert (found.script, found.schema) == ("SELECT 1;", _SCHEMA)
    for name, words in (("none.sql", "No such file"), ("binary.sql", "not UTF-8"), ("", "directory")):
        with pytest.raises(StormError, match=words):
            read_statements(str(tmp_path / name))
