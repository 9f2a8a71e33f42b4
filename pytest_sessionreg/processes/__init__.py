"""Worker processes that start at one gate, have one deadline, and are all gone afterwards.

Knows neither pytest, SQLite nor the registry.
"""

from __future__ import annotations

from .errors import DeadlinePassed, ProcessError, WorkerDied, WorkerFailed
from .group import Group, StartMethod
from .message import Failure
from .payload import Call

__all__ = [
    "Call",
    "DeadlinePassed",
    "Failure",
    "Group",
    "ProcessError",
    "StartMethod",
    "WorkerDied",
    "WorkerFailed",
]
