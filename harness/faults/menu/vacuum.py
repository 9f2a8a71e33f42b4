"""A VACUUM in the middle."""

from __future__ import annotations

import sqlite3
from time import monotonic

from ..fault import Fault
from ..scene import Board, Scene
from ..victim import PATIENCE_S
from ..writer import Seen

__all__ = ["Vacuum"]


class Vacuum(Fault):
    """Maintenance that holds the write lock for as long as it takes to write the whole file again."""

    name = "vacuum"
    summary = "VACUUM of a file of 64 MiB beside the writers"
    evidence = "FAILURES row 13"
    ballast_kib = 65_536

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Run it, patiently, through plain SQLite."""
        connection = sqlite3.connect(scene.database, timeout=PATIENCE_S, isolation_level=None)
        try:
            board.begin()
            started = monotonic()
            connection.execute("VACUUM")
            took_s = monotonic() - started
            board.end()
        finally:
            connection.close()
        return f"VACUUM took {took_s:.2f} s", ()
