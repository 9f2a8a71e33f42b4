"""What a clean-up of the registry found."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cleanup"]


@dataclass(frozen=True, slots=True)
class Cleanup:
    """How many rows one clean-up changed: sessions and tokens removed because they had expired, locks freed, sessions
    marked crashed because their process is gone.
    """

    expired_sessions: int
    expired_tokens: int
    freed_locks: int
    dead_sessions: int
