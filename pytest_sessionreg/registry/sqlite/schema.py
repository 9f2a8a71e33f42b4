"""What tells a registry from any other SQLite file, and which schema it has."""

from __future__ import annotations

import sqlite3

from ..errors import NotARegistry, SchemaTooNew, translate_error

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "schema_version"]

# "SReg" in ASCII (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x53526567
# The number of the newest file in `migrations`; a constant, so that a settled open lists no directory.
SCHEMA_VERSION = 2


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
