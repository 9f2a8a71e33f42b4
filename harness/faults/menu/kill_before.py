"""SIGKILL of a writer that waits for the write lock."""

from __future__ import annotations

import sqlite3
from time import sleep

from pytest_sessionreg.registry.registry import Registry

from ..fault import Fault
from ..scene import STORM, Board, Scene
from ..victim import PATIENCE_S, Tell, Victim
from ..writer import Seen

__all__ = ["KillBefore"]

_WAIT_S = 0.15


class KillBefore(Fault):
    """It dies in line: its place must not hold up those behind it."""

    name = "kill-before"
    summary = "SIGKILL of a writer that waits for the lock, which another process holds"
    evidence = "DESIGN, the write queue: a process that dies frees its place"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """A plain process holds the lock, the victim waits behind it and is killed, then the lock is let go."""

        def hold(tell: Tell) -> None:
            connection = sqlite3.connect(scene.database, timeout=PATIENCE_S, isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
            tell()
            sleep(PATIENCE_S)

        def wait_in_line(tell: Tell) -> None:
            with Registry.open(scene.database, workspace=STORM, policy=scene.policy) as registry:
                tell()
                with registry.transaction():
                    tell()

        with Victim(hold) as holder:
            holder.wait()
            board.begin()
            with Victim(wait_in_line) as victim:
                victim.wait()
                sleep(_WAIT_S)
                victim.kill()
                waited = not victim.told(0)
            holder.kill()
            board.end()
        return "" if waited else "was admitted before it was killed", ()
