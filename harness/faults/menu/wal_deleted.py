"""The write-ahead log deleted under its users."""

from __future__ import annotations

import os

from ..fault import Fault
from ..scene import Board, Scene
from ..sibling import visit
from ..writer import Seen

__all__ = ["WalDeleted"]

_ROWS = 50


class WalDeleted(Fault):
    """Somebody tidies up: the log holds acknowledged writes, and those who have it open go on writing to it while the
    next one begins another.
    """

    name = "wal-deleted"
    summary = f"-wal and -shm are deleted while writers have them open; a sibling opens, writes {_ROWS} rows, closes"
    evidence = "sqlite.org, How To Corrupt, 1.4"
    may_lose = "the log is part of the database, and who deletes it deletes acknowledged writes"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Delete them, and have a sibling come as it finds the file then."""
        board.begin()
        for suffix in ("-wal", "-shm"):
            os.unlink(scene.database + suffix)
        seen = visit(scene, rows=_ROWS)
        board.end()
        return "", seen
