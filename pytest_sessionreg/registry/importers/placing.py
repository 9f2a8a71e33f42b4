"""Putting checked records where they belong: beside the stores, which would check them again and set dates anew."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidValue
from ..registry import Registry
from .part import KEYS, SourceRecord

__all__ = ["Placing"]

_TABLES = {
    "sessions": "sessions",
    "tokens": "tokens",
    "agents": "agents",
    "runs": "runs",
    "audit": "audit_events",
    "jobs": "job_runs",
    "job_steps": "job_steps",
    "learning": "learning",
}
# Store: the store of what it hangs on, the column that says on which, and what to call it.
_PARENTS = {"tokens": ("sessions", "session_id", "session"), "job_steps": ("jobs", "run_id", "run")}


class Placing:
    """The records of one import. With dry_run they are looked up and not written."""

    __slots__ = ("_database", "_dry_run", "_placed")

    def __init__(self, registry: Registry, *, dry_run: bool) -> None:
        self._database = registry._database  # noqa: SLF001  rows with their own dates have no public way in
        self._dry_run = dry_run
        self._placed: set[tuple[Any, ...]] = set()

    def place(self, record: SourceRecord) -> bool:
        """Write a record; False if the registry has one of that id, which stays as it is.

        Raises InvalidValue where what it hangs on is missing.
        """
        if record.store in _PARENTS:
            store, column, noun = _PARENTS[record.store]
            parent = (store, record.workspace, record.values[column])
            if not self._exists(parent):
                raise InvalidValue(column, record.values[column], f"refers to a {noun} that is missing")
            if record.store == "job_steps" and parent not in self._placed:
                return False  # the registry has a run of that id, with steps of its own
        placed = not self._exists(record.key) if self._dry_run else self._write(record)
        if placed:
            self._placed.add(record.key)
        return placed

    def _exists(self, key: tuple[Any, ...]) -> bool:
        if key in self._placed:
            return True
        store, *values = key
        where = "".join(f" AND {column} = ?" for column in KEYS[store])
        return bool(self._database.read(f"SELECT 1 FROM {_TABLES[store]} WHERE workspace_id = ?{where}", values))

    def _write(self, record: SourceRecord) -> bool:
        """Insert the row; False if there is one of that id. The write lock is held: nothing else is done here."""
        columns = ", ".join(record.values)
        marks = ", ?" * len(record.values)
        inserted = self._database.write(
            f"INSERT INTO {_TABLES[record.store]} (workspace_id, {columns}) VALUES (?{marks}) ON CONFLICT DO NOTHING",
            (record.workspace, *record.values.values()),
        )
        return inserted > 0
