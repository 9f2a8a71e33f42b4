"""The old stores' own SQLite databases, at the schemas that they document and at earlier ones with fewer columns."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from ..clock import now
from ..errors import RegistryError, primary_code, translate_error
from ..sqlite.schema import APPLICATION_ID
from ..values import identifier, json_text
from .ccr import session, token
from .document import DECODER
from .errors import UnreadableSource
from .fields import Fields, instant
from .orbit_records import event, job_run, job_step
from .overstory import agent, run
from .part import Layout, Part

__all__ = ["DATABASES"]

T = TypeVar("T")

_PATIENCE_S = 5.0
_Tables = dict[str, set[str]]


def _is_ccr(tables: _Tables) -> bool:
    sessions, tokens = tables.get("sessions", set()), tables.get("tokens", set())
    if not sessions:
        return tokens >= {"token", "session_id", "chat_id"}
    own = not sessions.isdisjoint({"start_time", "transport_kind", "notify"}) or "token" in tokens
    return own and "session_id" in sessions and "workspace_id" not in sessions


def _is_overstory(tables: _Tables) -> bool:
    return "agent_name" in tables.get("sessions", ())


def _is_orbit(tables: _Tables) -> bool:
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


@contextmanager
def _open(path: str, *, immutable: bool) -> Iterator[sqlite3.Connection]:
    """The database, in one read transaction. Text that is no UTF-8 comes as lone surrogates, which are malformed."""
    uri = f"file:{quote(os.fsencode(path))}?mode=ro{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)
    try:
        connection.text_factory = lambda stored: stored.decode(errors="surrogateescape")
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def _read_only(path: str, read: Callable[[sqlite3.Connection], T]) -> T:
    """What `read` finds, leaving nothing beside the file.

    A reader of a WAL database leaves a -wal and a -shm behind. So a database that nobody has open is read as an
    immutable one; if it has changed by the end, it is read again with SQLite's locks.
    """
    before = _state(path)
    if before is not None:
        try:
            with _open(path, immutable=True) as connection:
                found = read(connection)
        except sqlite3.Error:
            if _state(path) == before:
                raise
        else:
            if _state(path) == before:
                return found
    with _open(path, immutable=False) as connection:
        return read(connection)


def _state(path: str) -> tuple[int, int, int, int] | None:
    """What a writer would change; None where a sidecar says that there may be one."""
    if any(os.path.exists(path + sidecar) for sidecar in ("-wal", "-shm", "-journal")):
        return None
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _tables(connection: sqlite3.Connection) -> _Tables:
    """The columns of each table, in small letters; none in a registry of ours, which is no old store."""
    ((application,),) = connection.execute("PRAGMA application_id")
    if application == APPLICATION_ID:
        return {}
    rows = connection.execute(
        "SELECT lower(t.name), lower(c.name) FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c "
        "WHERE t.type = 'table'"
    )
    found: _Tables = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def _translate(error: sqlite3.Error, path: str) -> RegistryError:
    """Our error for a database that SQLite does not read."""
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK:
        reason = "a crash left it inside a transaction; open it once with its own program, which undoes that"
        return UnreadableSource(f"{reason}, then import again; nothing was imported", file=path)
    return translate_error(error, database=path, doing="reading the source")


class _Database:
    """One store's databases. readers: what to do with a row of each table, in the order to be read."""

    def __init__(
        self,
        name: str,
        recognises: Callable[[_Tables], bool],
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
            return [real] if self._recognises(_read_only(real, _tables)) else []
        except sqlite3.Error as error:
            if primary_code(error) == sqlite3.SQLITE_NOTADB:
                return []
            raise _translate(error, path) from error

    def _read(self, path: str, workspace: str) -> Part:
        try:
            return _read_only(path, lambda connection: self._part(connection, path, workspace))
        except sqlite3.Error as error:
            raise _translate(error, path) from error

    def _part(self, connection: sqlite3.Connection, path: str, workspace: str) -> Part:
        part = Part(self._kind, path, workspace)
        tables = _tables(connection)
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
    _Database("CCR", _is_ccr, {"sessions": _ccr_session, "tokens": _ccr_token}).layout(),
    _Database("Overstory", _is_overstory, {"runs": _overstory_run, "sessions": _overstory_agent}).layout(),
    _Database(
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
