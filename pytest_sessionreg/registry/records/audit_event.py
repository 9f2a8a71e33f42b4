"""The record of one audit event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["AuditEvent"]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event of the audit log. payload: the JSON text exactly as appended. at: aware instant. The rest: as given."""

    event_id: str
    source: str
    schema_version: int
    event_type: str
    at: datetime
    run_id: str
    agent_identity: str
    parent_event_id: str | None
    workspace_path: str | None
    payload: str
