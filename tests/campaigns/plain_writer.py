"""A writer that knows nothing of the queue: plain sqlite3, its own timeout, the same ledger."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from time import monotonic_ns, sleep

from pytest_sessionreg.registry.sqlite.admission.record import WriteRecord
from pytest_sessionreg.results.ledger import Ledger
from tests.campaigns.board import Board
from tests.campaigns.storm_name import STORM

__all__ = ["PlainOrders", "prepare_plain"]


@dataclass(frozen=True, slots=True)
class PlainOrders:
    """One plain writer's orders, as the queue's writers'. timeout_s: SQLite's own. reopen: a connection per write."""

    database: str
    ledger: str
    board: str
    writer: int
    writers: int
    timeout_s: float = 5.0
    hold_s: float = 0.001
    think_s: float = 0.005
    reopen: bool = False


def prepare_plain(orders: PlainOrders) -> Callable[[], Counter[str]]:
    """Connect; returns the storm, whose result is how often each outcome came."""
    board = Board(orders.board, orders.writers)
    ledger = Ledger(orders.ledger)
    connection = sqlite3.connect(orders.database, timeout=orders.timeout_s, isolation_level=None)
    pause = random.Random(orders.writer)

    def run() -> Counter[str]:
        nonlocal connection
        outcomes: Counter[str] = Counter()
        for sequence in count():
            sleep(pause.expovariate(1 / orders.think_s))
            if board.stopped:
                break
            if orders.reopen:
                connection.close()
                connection = sqlite3.connect(orders.database, timeout=orders.timeout_s, isolation_level=None)
            ledger.sequence = sequence
            started_ns = begun_ns = monotonic_ns()
            outcome, code = "committed", None
            try:
                connection.execute("BEGIN IMMEDIATE")
                begun_ns = monotonic_ns()
                connection.execute("INSERT INTO storm_writes VALUES (?, ?, ?)", (STORM, orders.writer, sequence))
                sleep(orders.hold_s)
                connection.execute("COMMIT")
                outcomes["committed"] += 1
            except sqlite3.Error as error:
                code = error.sqlite_errorcode
                outcome = "exhausted" if code & 0xFF == sqlite3.SQLITE_BUSY else "failed"
                outcomes[error.sqlite_errorname] += 1
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            ended_ns = monotonic_ns()
            if begun_ns == started_ns:
                begun_ns = ended_ns  # never admitted
            wait_ns, hold_ns = begun_ns - started_ns, ended_ns - begun_ns
            ledger(WriteRecord(started_ns, wait_ns, hold_ns, None, None, outcome, code, None))
        connection.close()
        ledger.close()
        return outcomes

    return run
