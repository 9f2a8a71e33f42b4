"""A reader that does not let go of its snapshot."""

from __future__ import annotations

import os
import sqlite3
from time import sleep

from ..fault import Fault
from ..scene import Board, Scene
from ..victim import PATIENCE_S, Tell, Victim
from ..writer import Seen

__all__ = ["PinnedReader"]

_PINNED_S = 1.0


class PinnedReader(Fault):
    """No writer may be held up; the log cannot be reused meanwhile, and grows."""

    name = "pinned-reader"
    summary = f"a reader keeps its snapshot for {_PINNED_S:g} s, so that the log cannot start over"
    evidence = "FAILURES row 11"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Read, keep the transaction, and look at the size of the log."""

        def read(tell: Tell) -> None:
            connection = sqlite3.connect(scene.database, timeout=PATIENCE_S, isolation_level=None)
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM storm_writes").fetchone()
            tell()
            sleep(PATIENCE_S)

        log = scene.database + "-wal"
        with Victim(read) as victim:
            victim.wait()
            before = os.stat(log).st_size
            board.begin()
            sleep(_PINNED_S)
            after = os.stat(log).st_size
            victim.kill()
            board.end()
        return f"log from {before // 1024} to {after // 1024} KiB", ()
