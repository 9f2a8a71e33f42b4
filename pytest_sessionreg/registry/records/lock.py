"""The record of one lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Lock"]


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as it was when it was acquired or read.

    name: what is locked. session_id: who holds it. fence: grows with every acquisition of any lock in the file, so that
    a resource can refuse a holder whose lock has expired. acquired_at, expires_at: aware instants.
    """

    name: str
    session_id: str
    fence: int
    acquired_at: datetime
    expires_at: datetime
