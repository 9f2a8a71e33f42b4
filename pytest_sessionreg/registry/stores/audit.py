"""The audit store: an append-only log of events."""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..store import Store, converted
from ..values import identifier, instant_text, json_kept, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..records.audit_event import AuditEvent

__all__ = ["Audit"]

_COLUMNS = (
    "event_id, source, schema_version, event_type, at, run_id, agent_identity, parent_event_id, workspace_path, payload"
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
        return (
            self._write(
                f"INSERT INTO audit_events (workspace_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (workspace_id, event_id) DO NOTHING",
                (
                    self._workspace,
                    identifier("event_id", event_id),
                    identifier("source", source),
                    whole("schema_version", schema_version),
                    identifier("event_type", event_type),
                    now() if at is None else instant_text("at", at),
                    identifier("run_id", run_id),
                    identifier("agent_identity", agent_identity),
                    None if parent_event_id is None else identifier("parent_event_id", parent_event_id),
                    None if workspace_path is None else text("workspace_path", workspace_path),
                    json_kept("payload", payload),
                ),
            )
            > 0
        )

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
            f"SELECT {_COLUMNS} FROM audit_events WHERE {where} ORDER BY at, id LIMIT ? OFFSET ?",
            [*parameters, most, whole("offset", offset)],
        )
        return [_event(row) for row in rows]

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


_EVENT_CONVERSIONS = ((4, from_text),)


def _event(row: tuple[Any, ...]) -> AuditEvent:
    from ..records.audit_event import AuditEvent  # here, because dataclasses cost a cold start more than SQLite does

    return AuditEvent(*converted(row, _EVENT_CONVERSIONS))
