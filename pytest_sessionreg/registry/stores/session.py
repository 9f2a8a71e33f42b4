"""The record of one session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Session"]


@dataclass(frozen=True, slots=True)
class Session:
    """One session as it stood when it was read.

    pid: the process that works, None if unknown. cwd: where. label: a name for people. status: "active" or "finished".
    started_at, last_heartbeat_at, ended_at: aware instants, the last None while active. metadata: the caller's own JSON
    object.
    """

    session_id: str
    pid: int | None
    cwd: str | None
    label: str | None
    status: str
    started_at: datetime
    last_heartbeat_at: datetime
    ended_at: datetime | None
    metadata: Mapping[str, Any]
