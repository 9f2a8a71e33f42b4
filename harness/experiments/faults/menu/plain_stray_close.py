"""The negative control of a stray close: plain sqlite3, which notices nothing."""

from __future__ import annotations

from ..scene import Scene
from ..writer import PlainWriter, Writer
from .stray_close import StrayClose

__all__ = ["PlainStrayClose"]

_TIMEOUT_S = 5.0


class PlainStrayClose(StrayClose):
    """Nothing above SQLite sees that its locks are gone, and SQLite does not either."""

    name = "plain-stray-close"
    summary = "control: the same with plain sqlite3, which goes on writing to the unlinked log"
    control = True
    may_lose = "the writers go on in a log that is gone"
    per_policy = False

    def writer(self, scene: Scene, worker: int) -> Writer:
        """No registry, no policy."""
        return PlainWriter(scene, worker, timeout_s=_TIMEOUT_S, statements=("BEGIN IMMEDIATE",))
