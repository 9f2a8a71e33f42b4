"""What a sweep of the sessions or a clean-up of the registry changed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cleanup", "Sweep"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep changed.

    crashed: how many sessions it found crashed.
    expired: how many expired ones it removed.
    """

    crashed: int
    expired: int


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What a clean-up changed.

    expired_sessions: how many sessions it removed because they had expired.
    expired_tokens: how many tokens it removed because they had expired.
    freed_locks: how many locks it freed.
    dead_sessions: how many sessions it marked as crashed because their process is gone.
    """

    expired_sessions: int
    expired_tokens: int
    freed_locks: int
    dead_sessions: int
