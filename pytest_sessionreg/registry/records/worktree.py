"""The record of one work tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Worktree"]


@dataclass(frozen=True, slots=True)
class Worktree:
    """A child session in a work tree of its own, linked to the parent that sent it there.

    purpose: as given. result_status, result_payload: what the child reported, None until it did; the payload is
    whatever JSON can hold. linked_at, finished_at: aware instants, the latter None until the result came.
    """

    child_id: str
    parent_id: str
    purpose: str | None
    linked_at: datetime
    result_status: str | None
    result_payload: Any
    finished_at: datetime | None
