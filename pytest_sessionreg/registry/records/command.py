"""The record of one command in the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Command"]


@dataclass(frozen=True, slots=True)
class Command:
    """A durable command. position: grows in the order of putting. payload: whatever JSON can hold. status: "waiting",
    "taken" or "done". taker: who took it last. Instants are aware; taken_at and done_at None until then.
    """

    position: int
    command_id: str
    payload: Any
    status: str
    put_at: datetime
    taken_at: datetime | None
    taker: str | None
    done_at: datetime | None
