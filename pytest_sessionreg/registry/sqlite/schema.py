"""What tells a registry from any other SQLite file, and which schema it has."""

from __future__ import annotations

import sqlite3

from ..errors import NotARegistry, SchemaTooNew, translate_error
from ..migrations import SCHEMA_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "schema_version", "workspace_tables"]

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


def workspace_tables(read: Callable[[str], list[Any]]) -> list[str]:
    """The tables with a workspace_id that does not refer to another table's. read: gives all rows of a query."""
    found = []
    for (table,) in read("SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = [column for _, column, *_ in read(f'PRAGMA table_info("{table}")')]
        referring = [column for _, _, _, column, *_ in read(f'PRAGMA foreign_key_list("{table}")')]
        if "workspace_id" in columns and "workspace_id" not in referring:
            found.append(table)
    return found
