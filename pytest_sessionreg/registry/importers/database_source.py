"""The old stores' own SQLite databases, at the schemas that they document and at earlier ones with fewer columns."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any

from ..clock import now
from ..errors import primary_code
from ..values import identifier, json_text
from .ccr import session, token
from .document import DECODER
from .fields import Fields, instant
from .orbit_records import event, job_run, job_step
from .overstory import agent, run
from .part import Layout, Part
from .source_file import Tables, columns_by_table, read_only, source_error

__all__ = ["DATABASES"]


def _is_ccr(tables: Tables) -> bool:
    sessions, tokens = tables.get("sessions", set()), tables.get("tokens", set())
    if not sessions:
        return tokens >= {"token", "session_id", "chat_id"}
    own = not sessions.isdisjoint({"start_time", "transport_kind", "notify"}) or "token" in tokens
    return own and "session_id" in sessions and "workspace_id" not in sessions


def _is_overstory(tables: Tables) -> bool:
    return "agent_name" in tables.get("sessions", ())


def _is_orbit(tables: Tables) -> bool:
    return any(
        column in tables.get(table, ())
        for table, column in (
            ("v2_audit_events", "event_id"),
            ("job_runs", "job_id"),
            ("session_learning_state", "session_id"),
        )
    )


def _ccr_session(part: Part, row: dict[str, Any]) -> None:
    part.add("sessions", session(Fields(row)))


def _ccr_token(part: Part, row: dict[str, Any]) -> None:
    part.add("tokens", token(row.get("token"), Fields(row)))


def _overstory_agent(part: Part, row: dict[str, Any]) -> None:
    part.add("agents", agent(Fields(row)))


def _overstory_run(part: Part, row: dict[str, Any]) -> None:
    part.add("runs", run(Fields(row)))


def _orbit_event(part: Part, row: dict[str, Any]) -> None:
    part.add("audit", event(Fields(row), None), workspace=_workspace(row), first_wins=True)


def _orbit_run(part: Part, row: dict[str, Any]) -> None:
    part.add("jobs", job_run(Fields(row)), workspace=_workspace(row))


def _orbit_step(part: Part, row: dict[str, Any]) -> None:
    fields = Fields(row)
    step = job_step(fields, run_id=fields.need(identifier, "run_id"), step=0)
    part.add("job_steps", step, workspace=_workspace(row))


def _orbit_learning(part: Part, row: dict[str, Any]) -> None:
    fields = Fields(row)
    state = fields.json("learning_injection_state_json")
    part.add(
        "learning",
        {
            "session_id": fields.need(identifier, "session_id"),
            # written as the store writes it, so that both ways lead to the same row
            "state": json_text("state", _decode(state)),
            "updated_at": fields.take(instant, "updated_at", default=now()),
        },
        workspace=_workspace(row),
    )


def _decode(state: str | None) -> Any:
    return {} if state is None else DECODER.decode(state)


def _workspace(row: dict[str, Any]) -> str | None:
    """Whose the row is; before rows said so, the registry's own."""
    return Fields(row).optional(identifier, "workspace_id")


class _DatabaseSource:
    """One store's databases. readers: what to do with a row of each table, in the order to be read."""

    def __init__(
        self,
        name: str,
        recognises: Callable[[Tables], bool],
        readers: dict[str, Callable[[Part, dict[str, Any]], None]],
    ) -> None:
        self._name = name
        self._kind = f"{name.lower()} database"
        self._recognises = recognises
        self._readers = readers

    def layout(self) -> Layout:
        looked_for = f"an SQLite database of {self._name} ({', '.join(self._readers)})"
        return Layout(self._kind, looked_for, self._sources, self._read)

    def _sources(self, path: str) -> list[str]:
        if not os.path.isfile(path) or path.endswith((".json", ".jsonl")):
            return []
        real = os.path.realpath(path)  # where SQLite puts the sidecars
        try:
            return [real] if self._recognises(read_only(real, columns_by_table)) else []
        except sqlite3.Error as error:
            if primary_code(error) == sqlite3.SQLITE_NOTADB:
                return []
            raise source_error(error, path) from error

    def _read(self, path: str, workspace: str) -> Part:
        try:
            return read_only(path, lambda connection: self._part(connection, path, workspace))
        except sqlite3.Error as error:
            raise source_error(error, path) from error

    def _part(self, connection: sqlite3.Connection, path: str, workspace: str) -> Part:
        part = Part(self._kind, path, workspace)
        tables = columns_by_table(connection)
        for table, reader in self._readers.items():
            if table not in tables:
                continue
            rows = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0].lower() for column in rows.description]
            for number, row in enumerate(rows, 1):
                with part.record(path, None, f"table {table}, row {number}: "):
                    reader(part, dict(zip(names, row, strict=True)))
        return part


DATABASES = (
    _DatabaseSource("CCR", _is_ccr, {"sessions": _ccr_session, "tokens": _ccr_token}).layout(),
    _DatabaseSource("Overstory", _is_overstory, {"runs": _overstory_run, "sessions": _overstory_agent}).layout(),
    _DatabaseSource(
        "Orbit",
        _is_orbit,
        {
            "v2_audit_events": _orbit_event,
            "job_runs": _orbit_run,
            "job_run_steps": _orbit_step,
            "session_learning_state": _orbit_learning,
        },
    ).layout(),
)
