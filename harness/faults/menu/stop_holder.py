"""SIGSTOP of the process that holds the write lock."""

from __future__ import annotations

from ..fault import Fault
from ..nemesis import Nemesis
from ..target import hold

__all__ = ["StopHolder"]

# Longer than the longest retry budget (15 sleeps of at most 150 ms are 2.25 s), shorter than a patience of 5 s.
_STOPPED_S = 2.5


class StopHolder(Fault):
    """It is stopped while it holds the lock, as by a debugger or a suspended laptop, and goes on later."""

    name = "stop-holder"
    summary = f"SIGSTOP of the holder of the lock for {_STOPPED_S:g} s, then SIGCONT; it commits"

    def inject(self, nemesis: Nemesis) -> None:
        """The target takes the lock and is stopped; when it goes on it commits at once."""
        setup = nemesis.setup
        target = nemesis.prepare(hold, setup.database, nemesis.policy, setup.target, setup.ledger(setup.target))
        target.stop()
        target.release()
        nemesis.begin()
        nemesis.sleep(_STOPPED_S)
        nemesis.end()
        target.cont()
        target.result()
