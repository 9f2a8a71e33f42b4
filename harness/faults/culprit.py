"""The process that lets a fault strike, while the writers write."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep

from .fault import Fault
from .scene import Board, Scene
from .writer import Seen
from .writer_process import enter

__all__ = ["Strike", "prepare"]

# How long the writers write before anything happens.
LEAD_S = 0.25


@dataclass(frozen=True, slots=True)
class Strike:
    """What came of one strike. note: worth telling. seen: errors of processes other than the writers. begun_ns,
    ended_ns: monotonic. broken: why the fault could not be provoked as described, empty where it was.
    """

    note: str
    seen: tuple[Seen, ...]
    begun_ns: int
    ended_ns: int
    broken: str


def prepare(fault: Fault, scene: Scene) -> Callable[[], Strike]:
    """The culprit of a scene: what it returns lets the fault strike once, and ends it in any case."""
    enter(scene)
    random.seed(f"{scene.seed}/culprit")
    board = Board(scene)

    def run() -> Strike:
        sleep(LEAD_S)
        note, broken = "", ""
        seen: tuple[Seen, ...] = ()
        try:
            note, seen = fault.strike(scene, board)
        except Exception as error:  # noqa: BLE001  a fault that fails is a finding, and the writers must be told to stop
            broken = f"{type(error).__name__}: {error}"
        begun, ended = board.instants
        if not begun:
            board.begin()
        if not ended:
            board.end()
        begun, ended = board.instants
        board.close()
        return Strike(note, seen, begun, ended, broken)

    return run
