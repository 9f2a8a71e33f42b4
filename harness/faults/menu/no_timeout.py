"""The negative control without a busy timeout."""

from __future__ import annotations

from time import sleep

from ..fault import Fault
from ..scene import Board, Scene
from ..writer import PlainWriter, Seen, Writer

__all__ = ["NoTimeout"]

_WATCHED_S = 0.5


class NoTimeout(Fault):
    """Plain sqlite3 with timeout 0: writes are dropped as soon as two processes meet."""

    name = "no-timeout"
    summary = "control: plain BEGIN IMMEDIATE without any timeout"
    evidence = "FAILURES row 9"
    control = True
    per_policy = False

    def writer(self, scene: Scene, worker: int) -> Writer:
        """No registry, no policy, no patience."""
        return PlainWriter(scene, worker, timeout_s=0, statements=("BEGIN IMMEDIATE",))

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Nothing more is needed."""
        del scene
        board.begin()
        sleep(_WATCHED_S)
        board.end()
        return "", ()

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """Writes must have been dropped."""
        del lost
        return failed > 0 and any(code & 0xFF == 5 for code in codes)
