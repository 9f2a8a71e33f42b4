"""What one worker of a storm writes."""

from __future__ import annotations

import os
from typing import Protocol

from ..registry import Registry
from .errors import StormError

__all__ = ["WORKLOAD_NAMES", "Heartbeat", "Workload", "workload_named"]


class Workload(Protocol):
    """One worker's part. An instance lives in its worker process."""

    def prepare(self, registry: Registry) -> None:
        """What has to be in the database before the gate opens; under a patient policy, and not measured."""

    def write(self, registry: Registry) -> None:
        """One write, called inside an open transaction; measured."""


class Heartbeat:
    """The session is registered before the gate; each write is one heartbeat."""

    name = "heartbeat"

    def __init__(self, storm: str, worker: int) -> None:
        self._session_id = f"{storm}-{worker}"

    def prepare(self, registry: Registry) -> None:
        """Register the worker's session."""
        registry.sessions.register(self._session_id, pid=os.getpid(), label="write storm")

    def write(self, registry: Registry) -> None:
        """One heartbeat."""
        registry.sessions.heartbeat(self._session_id)


_KINDS = (Heartbeat,)
WORKLOAD_NAMES = tuple(kind.name for kind in _KINDS)


def workload_named(name: str, storm: str, worker: int) -> Workload:
    """The built-in workload called `name` for one worker of the storm called `storm`. Raises StormError for an unknown
    name.
    """
    for kind in _KINDS:
        if kind.name == name:
            return kind(storm, worker)
    raise StormError(f"workload {name!r} is unknown; choose from {', '.join(WORKLOAD_NAMES)}")
