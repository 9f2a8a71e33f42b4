"""The record of one output."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Output"]


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of a session's output.

    output_id: grows in the order of appending, also between equal instants. created_at: aware instant.
    """

    output_id: int
    session_id: str
    content: str
    created_at: datetime
