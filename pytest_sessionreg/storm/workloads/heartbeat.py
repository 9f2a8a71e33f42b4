"""Heartbeats: the most frequent write of a registry."""

from __future__ import annotations

from ...registry import Registry

__all__ = ["HeartbeatPart"]


class HeartbeatPart:
    """Each write is one heartbeat of the worker's session."""

    name = "heartbeat"

    def __init__(self, storm: str, worker: int, seed: int) -> None:  # noqa: ARG002  the protocol's
        self.session_id = f"{storm}-{worker}"

    def set_up(self, registry: Registry) -> None:
        """Register the worker's session."""
        registry.sessions.register(self.session_id, label="write storm")

    def write(self, registry: Registry, sequence: int) -> None:  # noqa: ARG002  the protocol's
        """One heartbeat."""
        registry.sessions.heartbeat(self.session_id)
