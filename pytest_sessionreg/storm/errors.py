"""What can go wrong with a storm."""

from __future__ import annotations

__all__ = ["ResultError", "StormError"]


class StormError(Exception):
    """A storm could not be run, or a parameter makes no storm. The message says which, and what to do."""


class ResultError(StormError):
    """A stored result cannot be read: not JSON, truncated, or of another schema."""
