"""How the statements of a migration are run. Loaded when there is one to run."""

from __future__ import annotations

import sqlite3

from .schema import APPLICATION_ID

__all__ = ["run_migration", "statements"]


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
