"""SIGKILL of a process inside a checkpoint."""

from __future__ import annotations

import random
import signal
import sqlite3
from time import sleep

from ..fault import Fault
from ..scene import Board, Scene
from ..victim import PATIENCE_S, Tell, Victim
from ..writer import Seen

__all__ = ["KillInCheckpoint"]

_TRIES = 5
_LOG_ROWS, _ROW_BYTES = 1500, 4000
_EARLIEST_S, _LATEST_S = 0.0002, 0.003


class KillInCheckpoint(Fault):
    """It dies while it copies the log into the file: half a copy must do no harm."""

    name = "kill-in-checkpoint"
    summary = "SIGKILL of a process that copies a log of 6 MB into the database"
    evidence = "sqlite.org, Write-Ahead Logging"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """The victim makes the log fat and begins a passive checkpoint; it is killed while that has not returned."""

        def checkpoint(tell: Tell) -> None:
            connection = sqlite3.connect(scene.database, timeout=PATIENCE_S, isolation_level=None)
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE IF NOT EXISTS ballast (payload BLOB)")
            connection.executemany("INSERT INTO ballast VALUES (?)", ((bytes(_ROW_BYTES),) for _ in range(_LOG_ROWS)))
            connection.execute("COMMIT")
            tell()
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            tell()
            sleep(PATIENCE_S)

        begun = inside = False
        tries = 0
        while not inside and tries < _TRIES:
            tries += 1
            with Victim(checkpoint) as victim:
                victim.wait()
                if not begun:
                    board.begin()
                    begun = True
                sleep(random.uniform(_EARLIEST_S, _LATEST_S))
                victim.signal(signal.SIGKILL)
                victim.reap()
                inside = not victim.told(0)
        board.end()
        return f"killed inside at try {tries}" if inside else f"never inside in {_TRIES} tries", ()
