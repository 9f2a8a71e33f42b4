"""One deadline for several waits, on the monotonic clock."""

from __future__ import annotations

from time import monotonic

__all__ = ["Deadline"]


class Deadline:
    """`seconds` from its construction on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = monotonic() + seconds

    def remaining_s(self) -> float:
        """Seconds left, never less than 0."""
        return max(0.0, self._at - monotonic())

    @property
    def passed(self) -> bool:
        """Whether none are left."""
        return self.remaining_s() == 0.0
