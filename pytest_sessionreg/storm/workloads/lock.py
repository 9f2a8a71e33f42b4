"""One advisory lock that all workers want."""

from __future__ import annotations

from datetime import timedelta

from ...registry import Registry
from .heartbeat import HeartbeatPart

__all__ = ["LockPart"]

_NAME = "storm"
# A worker that ends as the holder frees the name for the others so soon.
_TTL = timedelta(seconds=1)


class LockPart(HeartbeatPart):
    """Each write acquires one name shared by all workers, or releases it if the worker holds it."""

    name = "lock"

    def __init__(self, storm: str, worker: int, seed: int) -> None:
        super().__init__(storm, worker, seed)
        self._held = False

    def write(self, registry: Registry, sequence: int) -> None:  # noqa: ARG002  the protocol's
        """Acquire the lock, which may be another's, or release it."""
        if self._held:
            registry.locks.release(_NAME, self.session_id)
            self._held = False
        else:
            self._held = registry.locks.acquire(_NAME, self.session_id, ttl=_TTL) is not None
