"""The record of what one session has learned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["LearningState"]


@dataclass(frozen=True, slots=True)
class LearningState:
    """A session's learning state: whatever JSON can hold. updated_at: aware instant."""

    session_id: str
    state: Any
    updated_at: datetime
