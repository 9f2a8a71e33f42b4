"""The negative control that upgrades a read to a write."""

from __future__ import annotations

from time import sleep

from ..fault import Fault
from ..scene import Board, Scene
from ..writer import PlainWriter, Seen, Writer

__all__ = ["DeferredBegin"]

_WATCHED_S = 0.5


class DeferredBegin(Fault):
    """A deferred transaction that reads and then writes: SQLite refuses at once what no timeout could repair."""

    name = "deferred-begin"
    summary = "control: BEGIN, SELECT, INSERT with a timeout of 5 s, which is ignored"
    evidence = "FAILURES row 4"
    control = True
    per_policy = False

    def writer(self, scene: Scene, worker: int) -> Writer:
        """A patient writer with the wrong BEGIN."""
        return PlainWriter(scene, worker, timeout_s=5, statements=("BEGIN", "SELECT count(*) FROM storm_writes"))

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Nothing more is needed."""
        del scene
        board.begin()
        sleep(_WATCHED_S)
        board.end()
        return "", ()

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """Writes must have been refused, some of them because the snapshot was stale (517)."""
        del lost
        return failed > 0 and bool(codes & {5, 517})
