"""The record of one entry of the meta store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["MetaEntry"]


@dataclass(frozen=True, slots=True)
class MetaEntry:
    """A key of the file itself, not of a workspace. updated_at: aware instant."""

    key: str
    value: str
    updated_at: datetime
