"""The schema, as numbered SQL files, and the runner that applies those a file still lacks."""

from __future__ import annotations

import os
import sqlite3

from ..errors import translate_error
from ..sqlite.schema import APPLICATION_ID, SCHEMA_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..sqlite.database import Database

__all__ = ["migrate"]


def migrate(database: Database) -> int:
    """Apply every migration newer than the file's version, in one transaction; the number applied.

    The version is read before the write lock is taken, so that a settled file costs no write, and again once inside,
    because another opener may have migrated it in between
    (docs/field-failures.md#a-version-trusted-from-outside-the-lock).
    """
    if database.schema_version() == SCHEMA_VERSION:
        return 0
    database.begin()
    try:
        version = database.schema_version()
        for number in range(version + 1, SCHEMA_VERSION + 1):
            for statement in statements(read(number)):
                database.execute(statement)
        if version < SCHEMA_VERSION:
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    except sqlite3.Error as error:
        database.rollback()
        doing = f"migrating it to schema version {SCHEMA_VERSION}"
        raise translate_error(error, database=database.path, doing=doing) from error
    except BaseException:
        database.rollback()
        raise
    database.commit()
    return SCHEMA_VERSION - version


def read(number: int) -> str:
    """The SQL text of migration `number`, e.g. 1 for `0001_sessions.sql`. Raises FileNotFoundError."""
    directory = os.path.dirname(__file__)
    for name in sorted(os.listdir(directory)):
        if name.startswith(f"{number:04d}_") and name.endswith(".sql"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                return file.read()
    raise FileNotFoundError(f"{directory}: holds no migration number {number}; reinstall pytest-sessionreg")


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
