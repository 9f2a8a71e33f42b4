"""The record of one override."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Override"]


@dataclass(frozen=True, slots=True)
class Override:
    """A session's own value for a key. value: whatever JSON can hold. updated_at: aware instant."""

    session_id: str
    key: str
    value: Any
    updated_at: datetime
