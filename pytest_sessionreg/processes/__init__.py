"""Worker processes that start at one barrier, have one deadline, and are all gone afterwards.

Knows neither pytest, SQLite nor the registry.
"""

from __future__ import annotations

from .crash_at import CrashAt
from .errors import (
    CrashPointMissed,
    CrashPointUnknown,
    DeadlinePassed,
    GroupEmpty,
    GroupEnded,
    ProcessError,
    WorkerDied,
    WorkerEnded,
    WorkerFailed,
)
from .group import Group, StartMethod
from .message import MissedCrashPoint, WorkerFailure
from .payload import Call
from .worker import Worker

__all__ = [
    "Call",
    "CrashAt",
    "CrashPointMissed",
    "CrashPointUnknown",
    "DeadlinePassed",
    "Group",
    "GroupEmpty",
    "GroupEnded",
    "MissedCrashPoint",
    "ProcessError",
    "StartMethod",
    "Worker",
    "WorkerDied",
    "WorkerEnded",
    "WorkerFailed",
    "WorkerFailure",
]
