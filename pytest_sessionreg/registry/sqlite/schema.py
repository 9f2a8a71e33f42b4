"""What tells a registry from any other SQLite file, and which schema it has."""

from __future__ import annotations

import sqlite3

from ..errors import NotARegistry, SchemaTooNew, translate_error
from ..migrations import SCHEMA_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "run_migration", "schema_version", "statements", "workspace_tables"]

# "SReg" in ASCII (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x53526567


def schema_version(connection: sqlite3.Connection, path: str) -> int:
    """The schema version of a registry; 0 for a new file. Reads only.

    Raises NotARegistry for another application's database and SchemaTooNew for a newer registry's.
    """
    try:
        application, version = _identity(connection)
        tables = 0
        if application == 0 and version == 0:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables:  # ours, if another opener has migrated it since: it does so in one transaction
                application, version = _identity(connection)
    except sqlite3.Error as error:
        raise translate_error(error, database=path, doing="reading its schema version") from error
    if application != APPLICATION_ID and (application or version or tables):
        message = f"{path}: is an SQLite database but not a session registry; name another path"
        raise NotARegistry(message, database=path)
    if version > SCHEMA_VERSION:
        message = (
            f"{path}: has schema version {version}, this package knows {SCHEMA_VERSION}; upgrade pytest-sessionreg"
        )
        raise SchemaTooNew(message, database=path)
    return version


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    """The application id and the version; the version first, so that one read of a migrated file never lacks the id."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return application, version


def run_migration(connection: sqlite3.Connection, sql: str, version: int) -> None:
    """Run the statements of the migration that leads to a version, in the open transaction."""
    for statement in statements(sql):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={version}")


def statements(sql: str) -> list[str]:
    """The statements of an SQL text, one by one: sqlite3's `executescript` would commit the transaction first."""
    found: list[str] = []
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    if pending.strip():
        raise ValueError(f"the migration ends in an unfinished statement: {pending.strip()!r}; end it with a semicolon")
    return found


def workspace_tables(read: Callable[[str], list[Any]]) -> list[str]:
    """The tables with a workspace_id that does not refer to another table's. read: gives all rows of a query."""
    found = []
    for (table,) in read("SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = [column for _, column, *_ in read(f'PRAGMA table_info("{table}")')]
        referring = [column for _, _, _, column, *_ in read(f'PRAGMA foreign_key_list("{table}")')]
        if "workspace_id" in columns and "workspace_id" not in referring:
            found.append(table)
    return found
