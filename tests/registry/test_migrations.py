from __future__ import annotations

import os
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_sessionreg import Registry
from pytest_sessionreg.fixtures import Workers
from pytest_sessionreg.registry import migrations
from pytest_sessionreg.registry.migrations import read, statements
from pytest_sessionreg.registry.schema import SCHEMA_VERSION


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


def test_a_failed_migration_leaves_nothing_behind(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "read", lambda _: "CREATE TABLE half (a);\nCREATE TABLE half (a);\n")
    with pytest.raises(Exception, match="migrating it to schema version"):
        Registry.open(database)
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()
