"""The negative control: a stray `close()` in writers that nothing watches over."""

from __future__ import annotations

from ..scene import Scene
from ..writer import PlainWriter, Writer
from .stray_close import StrayClose

__all__ = ["StrayClosePlain"]


class StrayClosePlain(StrayClose):
    """The same through plain sqlite3: the writers go on in the unlinked log, and whoever checkpoints last overwrites
    what the other had acknowledged. integrity_check says ok; only the ledger knows.
    """

    name = "stray-close-plain"
    summary = "control: the same with plain sqlite3 writers, which cannot notice"
    control = True
    per_policy = False
    may_lose = "nothing in SQLite sees that its locks are gone"

    def writer(self, scene: Scene, worker: int) -> Writer:
        """No registry, and SQLite's own timeout."""
        return PlainWriter(scene, worker, timeout_s=5, statements=("BEGIN IMMEDIATE",))
