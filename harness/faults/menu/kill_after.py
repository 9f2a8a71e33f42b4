"""SIGKILL of a writer right after its COMMIT returned."""

from __future__ import annotations

from time import sleep

from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.results.ledger import Ledger

from ..fault import Fault
from ..scene import STORM, Board, Scene
from ..victim import PATIENCE_S, Tell, Victim
from ..writer import INSERT, Seen

__all__ = ["KillAfter"]

_WRITES = 20


class KillAfter(Fault):
    """It dies with its connection open and nothing checkpointed: what was acknowledged must be there."""

    name = "kill-after"
    summary = f"SIGKILL of a writer right after the COMMIT of its {_WRITES} writes, without a close"
    evidence = "DESIGN, acknowledged"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """The victim writes, and is killed when the last COMMIT has returned."""
        worker = scene.writers

        def write(tell: Tell) -> None:
            ledger = Ledger(scene.ledgers[worker])
            registry = Registry.open(scene.database, workspace=STORM, policy=scene.policy, observer=ledger)
            for sequence in range(_WRITES):
                ledger.sequence = sequence
                with registry.transaction() as transaction:
                    transaction.execute(INSERT, (STORM, worker, sequence))
            tell()
            sleep(PATIENCE_S)

        with Victim(write) as victim:
            victim.wait()
            board.begin()
            victim.kill()
            board.end()
        return "", ()
