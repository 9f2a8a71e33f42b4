"""SIGSTOP of the process that holds the write lock."""

from __future__ import annotations

import os
import signal
from time import sleep

from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.results.ledger import Ledger

from ..fault import Fault
from ..scene import STORM, Board, Scene
from ..victim import Tell, Victim
from ..writer import INSERT, Seen

__all__ = ["StopHolder"]

# Longer than the longest retry budget (15 sleeps of at most 150 ms are 2.25 s), shorter than a patience of 5 s.
_STOPPED_S = 2.5


class StopHolder(Fault):
    """It is stopped with the lock in its hand, as by a debugger or a suspended laptop, and goes on later."""

    name = "stop-holder"
    summary = f"SIGSTOP of the holder of the lock for {_STOPPED_S:g} s, then SIGCONT; it commits"
    evidence = "FAILURES row 2"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """The victim takes the lock and stops; when it goes on it commits at once."""
        worker = scene.writers

        def hold(tell: Tell) -> None:
            ledger = Ledger(scene.ledgers[worker])
            with Registry.open(scene.database, workspace=STORM, policy=scene.policy, observer=ledger) as registry:
                with registry.transaction() as transaction:
                    transaction.execute(INSERT, (STORM, worker, 0))
                    tell()
                    os.kill(os.getpid(), signal.SIGSTOP)
                ledger.close()

        with Victim(hold) as victim:
            victim.wait()
            victim.wait_until_stopped()
            board.begin()
            sleep(_STOPPED_S)
            board.end()
            victim.signal(signal.SIGCONT)
            victim.finish()
        return "", ()
