"""The audit store: an append-only log; the payload is kept to the byte.

For example:

    event = dict(source="loop", event_type="tool.denied", run_id="r-1", agent_identity="builder")
    assert registry.audit.append("evt-1", payload='{"tool": "rm"}', **event)
    assert not registry.audit.append("evt-1", payload='{"tool": "rm"}', **event)  # repeated: ignored
    assert registry.audit.query(event_type="tool.denied", limit=10)[0].payload == '{"tool": "rm"}'
"""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, instant_text, json_as_given, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Audit", "AuditEvent"]


class AuditEvent(Record):
    """One event of the audit log.

    event_id: unique in its workspace.
    source: as given.
    schema_version: of the payload, as given.
    event_type: as given.
    at: aware instant.
    run_id: as given.
    agent_identity: as given.
    parent_event_id: as given.
    workspace_path: as given.
    payload: the JSON text exactly as appended.
    """

    event_id: str = field(identifier)
    source: str = field(identifier)
    schema_version: int = field(whole)
    event_type: str = field(identifier)
    at: datetime = field(instant_text, from_text)
    run_id: str = field(identifier)
    agent_identity: str = field(identifier)
    parent_event_id: str | None = field(identifier)
    workspace_path: str | None = field(text)
    payload: str = field(json_as_given)


_EVENTS = Table("audit_events", AuditEvent)
_APPEND = (
    f"INSERT INTO audit_events (workspace_id, {_EVENTS.columns}) VALUES (:workspace_id, {_EVENTS.values}) "
    "ON CONFLICT (workspace_id, event_id) DO NOTHING"
)


class Audit(Store):
    """`registry.audit`."""

    __slots__ = ()

    def append(
        self,
        event_id: str,
        *,
        source: str,
        event_type: str,
        payload: str,
        run_id: str,
        agent_identity: str,
        schema_version: int = 1,
        at: datetime | None = None,
        parent_event_id: str | None = None,
        workspace_path: str | None = None,
    ) -> bool:
        """Append an event; False if the workspace has one of that id: the repetition is ignored.

        payload: JSON text, kept to the byte. at: default now.
        """
        values = self._row(
            _EVENTS,
            event_id=event_id,
            source=source,
            schema_version=schema_version,
            event_type=event_type,
            run_id=run_id,
            agent_identity=agent_identity,
            parent_event_id=parent_event_id,
            workspace_path=workspace_path,
            payload=payload,
        )
        values["at"] = now() if at is None else _EVENTS.check("at", at)
        return self._write(_APPEND, values) > 0

    def query(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        run_id: str | None = None,
        event_type: str | None = None,
        source: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[AuditEvent]:
        """The events that meet every given condition, the oldest first, `limit` of them from `offset` on.

        since is included, until is not.
        """
        where, parameters = self._conditions(since, until, run_id, event_type, source)
        most = -1 if limit is None else whole("limit", limit)
        rows = self._read(
            f"SELECT {_EVENTS.columns} FROM audit_events WHERE {where} ORDER BY at, id LIMIT ? OFFSET ?",
            [*parameters, most, whole("offset", offset)],
        )
        return _EVENTS.records(rows)

    def count(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        run_id: str | None = None,
        event_type: str | None = None,
        source: str | None = None,
    ) -> int:
        """How many events meet every given condition."""
        where, parameters = self._conditions(since, until, run_id, event_type, source)
        ((number,),) = self._read(f"SELECT count(*) FROM audit_events WHERE {where}", parameters)
        return int(number)

    def prune(self, before: datetime) -> int:
        """Delete the events before an instant; how many."""
        return self._write(
            "DELETE FROM audit_events WHERE workspace_id = ? AND at < ?",
            (self._workspace, instant_text("before", before)),
        )

    def _conditions(
        self,
        since: datetime | None,
        until: datetime | None,
        run_id: str | None,
        event_type: str | None,
        source: str | None,
    ) -> tuple[str, list[Any]]:
        given = (
            ("at >= ?", None if since is None else instant_text("since", since)),
            ("at < ?", None if until is None else instant_text("until", until)),
            ("run_id = ?", None if run_id is None else identifier("run_id", run_id)),
            ("event_type = ?", None if event_type is None else identifier("event_type", event_type)),
            ("source = ?", None if source is None else identifier("source", source)),
        )
        wanted = [(condition, value) for condition, value in given if value is not None]
        conditions = ["workspace_id = ?", *(condition for condition, _ in wanted)]
        return " AND ".join(conditions), [self._workspace, *(value for _, value in wanted)]
