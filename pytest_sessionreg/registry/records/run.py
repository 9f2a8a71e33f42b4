"""The record of one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """Agents that work together. status: "active" or "completed". completed_at: None while active."""

    run_id: str
    status: str
    description: str | None
    agent_count: int
    started_at: datetime
    completed_at: datetime | None
