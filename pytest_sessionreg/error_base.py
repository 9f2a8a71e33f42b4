"""The base of every error of this package, and the errors of arguments, of storms and of stored results."""

from __future__ import annotations

__all__ = ["InvalidArgument", "ResultError", "SessionregError", "StormError"]


class SessionregError(Exception):
    """Base of every error that this package raises on purpose; its message names the object, its state and the
    remedy.
    """


class InvalidArgument(SessionregError, ValueError):
    """An argument has a value that its function cannot take. The message names the argument, the value and the rule."""


class StormError(SessionregError):
    """A storm could not be run, or a parameter makes no storm. The message says which, and what to do."""


class ResultError(StormError):
    """A stored result cannot be read: not JSON, truncated, or of another schema."""
