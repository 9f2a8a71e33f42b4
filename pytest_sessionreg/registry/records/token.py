"""The records of tokens."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Validation"]


@dataclass(frozen=True, slots=True)
class Validation:
    """What a token is worth. verdict: "valid", "unknown", "expired" or "wrong chat". session_id: None unless valid."""

    verdict: str
    session_id: str | None
