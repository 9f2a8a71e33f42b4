"""One writer process: it writes until the board says stop, and counts the errors that it saw."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from itertools import count
from time import sleep

from pytest_sessionreg.registry.errors import RegistryError

from .board import THINKING, Board
from .seen import Seen, Tally
from .setup import Setup
from .writer import MakeWriter

__all__ = ["OnBegin", "write_until_stopped"]

OnBegin = Callable[[Setup, int], None]


def write_until_stopped(
    setup: Setup, worker: int, make: MakeWriter, think_s: float, seed: int, on_begin: OnBegin | None = None
) -> Callable[[], tuple[Seen, ...]]:
    """Writer number `worker`: open what `make` makes, and return what writes with it.

    think_s: mean of the exponential pause before each write. seed: of the pauses and of the policy's jitter. on_begin:
    called once the fault has begun, between two writes, and then reported.
    """
    setup.enter()
    random.seed(f"{seed}/{worker}/jitter")
    think = random.Random(f"{seed}/{worker}/think")
    board = Board(setup)
    cell = board.cell(worker)
    writer = make(setup, worker, cell)

    def run() -> tuple[Seen, ...]:
        tally = Tally()
        waiting_for_fault = on_begin is not None
        for sequence in count():
            cell.enter(THINKING)
            sleep(think.expovariate(1 / think_s))
            if board.stopped:
                break
            if on_begin is not None and waiting_for_fault and board.begun:
                waiting_for_fault = False
                on_begin(setup, worker)
                board.report()
            try:
                writer.write(sequence)
            except (RegistryError, sqlite3.Error) as error:
                tally.add(error)
        writer.close()
        board.close()
        return tally.seen()

    return run
