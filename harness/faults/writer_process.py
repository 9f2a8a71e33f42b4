"""One writer process: it writes while a fault is injected, and counts the errors that it saw."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from time import monotonic, monotonic_ns, sleep

from pytest_sessionreg.registry.errors import RegistryError

from .fault import Fault
from .private_disk import drop_privileges, enter_disk
from .scene import Board, Scene
from .writer import Seen, Tally

__all__ = ["enter", "prepare"]


def enter(scene: Scene) -> None:
    """What every process of a scene does first: see its disk, and give up what privileges it must not have."""
    if scene.keeper is not None:
        enter_disk(scene.keeper)
    if scene.unprivileged:
        drop_privileges()


def prepare(fault: Fault, scene: Scene, worker: int) -> Callable[[], tuple[Seen, ...]]:
    """A writer of the scene: what it returns writes until `tail_s` after the fault, and tells what it saw."""
    enter(scene)
    random.seed(f"{scene.seed}/{worker}/jitter")
    writer = fault.writer(scene, worker)
    board = Board(scene)

    def run() -> tuple[Seen, ...]:
        think = random.Random(f"{scene.seed}/{worker}/think")
        tally = Tally()
        deadline = monotonic() + scene.longest_s
        noticed = False
        sequence = 0
        while monotonic() < deadline:
            begun, ended = board.instants
            if ended and monotonic_ns() - ended > scene.tail_s * 1e9:
                break
            if begun and not noticed:
                noticed = True
                fault.noticed(scene, worker)
                board.report()
            sleep(think.expovariate(1 / scene.think_s))
            try:
                writer.write(sequence)
            except (RegistryError, sqlite3.Error) as error:
                tally.add(error)
            sequence += 1
        writer.close()
        board.close()
        return tally.seen()

    return run
