"""Registrations: the write that every session begins with."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from ...registry import Registry

__all__ = ["RegisterPart"]


class RegisterPart:
    """Each write registers a session of its own, as a hook does that starts one."""

    name = "register"

    def __init__(self, storm: str, worker: int, seed: int) -> None:  # noqa: ARG002  the protocol's
        self._prefix = f"{storm}-{worker}"
        # given, so that the look at the process table is not made under the write lock: a hook makes it before
        self._started_at = datetime.now(UTC)

    def set_up(self, registry: Registry) -> None:
        """Nothing: the sessions are the writes."""

    def write(self, registry: Registry, sequence: int) -> None:
        """Register one session."""
        registry.sessions.register(
            f"{self._prefix}-{sequence}",
            pid=os.getpid(),
            process_started_at=self._started_at,
            cwd="/storm",
            branch="main",
            label="write storm",
        )
