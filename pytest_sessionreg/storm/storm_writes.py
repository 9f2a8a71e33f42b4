"""The storm's own table: each write leaves a row in the transaction that it belongs to."""

from __future__ import annotations

import sqlite3
from array import array

from .job import Site

__all__ = ["CREATE_TABLE", "INSERT", "RowPerWrite", "create_table", "drop_table", "rows"]

# Without a unique key, so that a duplicate can show.
CREATE_TABLE = (
    "CREATE TABLE IF NOT EXISTS storm_writes (storm TEXT NOT NULL, worker INTEGER NOT NULL, sequence INTEGER NOT NULL)"
)
INSERT = "INSERT INTO storm_writes (storm, worker, sequence) VALUES (?, ?, ?)"

_PATIENCE_S = 60.0


def create_table(database: str) -> None:
    """Add the table to a database that may be anybody's."""
    _write(database, CREATE_TABLE)


def drop_table(database: str) -> None:
    """Remove the table."""
    _write(database, "DROP TABLE IF EXISTS storm_writes")


def rows(database: str, storm: str) -> array[int]:
    """The writes of `storm` in the table, each as `worker << 32 | sequence`, through a fresh connection."""
    connection = sqlite3.connect(database, timeout=_PATIENCE_S)
    try:
        # packed by SQLite: a million pairs of Python's would take ten times the memory
        found = connection.execute("SELECT worker << 32 | sequence FROM storm_writes WHERE storm = ?", (storm,))
        return array("q", (key for (key,) in found))
    finally:
        connection.close()


class RowPerWrite:
    """What workloads share whose every write leaves a row in the table."""

    __slots__ = ()

    def stored_writes(self, site: Site) -> array[int]:
        """The writes that the database holds (see Workload.stored_writes): those that have their row."""
        return rows(site.database, site.storm)


def _write(database: str, sql: str) -> None:
    connection = sqlite3.connect(database, timeout=_PATIENCE_S, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(sql)
        connection.execute("COMMIT")
    finally:
        connection.close()
