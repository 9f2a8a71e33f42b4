"""SIGKILL of a writer inside its transaction."""

from __future__ import annotations

from time import sleep

from pytest_sessionreg.registry.registry import Registry

from ..fault import Fault
from ..scene import GHOST, STORM, Board, Scene
from ..victim import PATIENCE_S, Tell, Victim
from ..writer import INSERT, Seen

__all__ = ["KillInside"]

_HOLD_S = 0.15


class KillInside(Fault):
    """It dies with the lock in its hand and rows written: the lock must come free, and no row may stay."""

    name = "kill-inside"
    summary = "SIGKILL of a writer between its INSERT and its COMMIT"
    evidence = "sqlite.org, Atomic Commit"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """The victim writes a row, holds the lock for a while and is killed."""

        def hold(tell: Tell) -> None:
            with (
                Registry.open(scene.database, workspace=STORM, policy=scene.policy) as registry,
                registry.transaction() as transaction,
            ):
                transaction.execute(INSERT, (STORM, GHOST, 0))
                tell()
                sleep(PATIENCE_S)

        with Victim(hold) as victim:
            victim.wait()
            board.begin()
            sleep(_HOLD_S)
            victim.kill()
            board.end()
        return "", ()
