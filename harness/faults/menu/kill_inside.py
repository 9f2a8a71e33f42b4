"""SIGKILL of a writer inside its transaction."""

from __future__ import annotations

from ..fault import Fault
from ..nemesis import Nemesis
from ..setup import GHOST
from ..target import hold

__all__ = ["KillInside"]

_HOLD_S = 0.15


class KillInside(Fault):
    """It dies with the lock held and rows written: the lock must come free, and no row may stay
    (https://www.sqlite.org/atomiccommit.html).
    """

    name = "kill-inside"
    summary = "SIGKILL of a writer between its INSERT and its COMMIT"

    def inject(self, nemesis: Nemesis) -> None:
        """The target writes a row, holds the lock for a while and is killed."""
        target = nemesis.prepare(hold, nemesis.setup.database, nemesis.policy, GHOST)
        nemesis.begin()
        nemesis.sleep(_HOLD_S)
        target.kill()
        nemesis.end()
