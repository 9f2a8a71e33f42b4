"""Putting checked records where they belong: through the stores, or beside them where they would set dates anew."""

from __future__ import annotations

from typing import Any

from ..clock import from_optional, from_text
from ..errors import InvalidValue
from ..registry import Registry
from ..workspace import Workspace
from .part import KEYS, Record

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
_INSTANTS = frozenset({"at", "scheduled_at", "started_at", "finished_at", "created_at", "process_started_at"})


class Placing:
    """The records of one import. With dry_run they are looked up and not written."""

    __slots__ = ("_database", "_dry_run", "_placed", "_registry", "_workspaces")

    def __init__(self, registry: Registry, *, dry_run: bool) -> None:
        self._registry = registry
        self._database = registry._database  # noqa: SLF001  rows with their own dates have no public way in
        self._dry_run = dry_run
        self._placed: set[tuple[Any, ...]] = set()
        self._workspaces: dict[str, Workspace] = {}

    def place(self, record: Record) -> bool:
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
        if self._exists(record.key):
            return False
        if not self._dry_run:
            self._write(record)
        self._placed.add(record.key)
        return True

    def _exists(self, key: tuple[Any, ...]) -> bool:
        if key in self._placed:
            return True
        store, *values = key
        where = "".join(f" AND {column} = ?" for column in KEYS[store])
        return bool(self._database.read(f"SELECT 1 FROM {_TABLES[store]} WHERE workspace_id = ?{where}", values))

    def _write(self, record: Record) -> None:
        if record.store not in {"audit", "jobs", "job_steps"}:
            self._insert(record)
            return
        workspace = self._workspace(record.workspace)
        values: dict[str, Any] = {
            name: (from_optional if value is None else from_text)(value) if name in _INSTANTS else value
            for name, value in record.values.items()
        }
        if record.store == "audit":
            workspace.audit.append(**values)
        elif record.store == "jobs":
            workspace.jobs.upsert(**values)
        else:
            workspace.jobs.upsert_step(**values)

    def _workspace(self, workspace_id: str) -> Workspace:
        if workspace_id not in self._workspaces:
            self._workspaces[workspace_id] = self._registry.all_workspaces().workspace(workspace_id)
        return self._workspaces[workspace_id]

    def _insert(self, record: Record) -> None:
        """A row with the dates that it has; the stores' own methods would set the present."""
        columns = ", ".join(record.values)
        marks = ", ?" * len(record.values)
        self._database.write(
            f"INSERT INTO {_TABLES[record.store]} (workspace_id, {columns}) VALUES (?{marks})",
            (record.workspace, *record.values.values()),
        )
