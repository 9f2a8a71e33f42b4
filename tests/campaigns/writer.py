"""One writer of a campaign's storm: writes until it is told to stop, keeps a ledger, and says what it is doing."""

from __future__ import annotations

import os
import random
import sqlite3
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from time import monotonic_ns, sleep

from pytest_sessionreg.registry import Registry, RegistryError, WriteTimeout
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.results.ledger import Ledger
from tests.campaigns.board import COMMITTING, IN_LINE, OPENING, THINKING, Board
from tests.campaigns.capabilities import drop_override
from tests.campaigns.polls import note_polls
from tests.campaigns.set_back import set_back
from tests.campaigns.storm_name import STORM

__all__ = ["Orders", "Written", "prepare"]

_STEP_EVERY = 10


@dataclass(frozen=True, slots=True)
class Orders:
    """One writer's orders.

    database, ledger, board: paths. writer: its number, of `writers` that ever live. patience_s, slice_s: the queue's.
    hold_s: slept inside each transaction. think_s: mean of the exponential pause before each write. row_bytes: written
    besides each row. checkpoint_pages: SQLite's wal_autocheckpoint, None for its default. reopen: after how many writes
    to close the registry and open it again, 0 for never. stray_close: in the middle of every so many transactions, a
    descriptor of `strayed` (a path) is opened and closed; 0 for never. obey_modes: whether modes of files bind root.
    clock_step_s: by how much this process's wall clock is set back at every tenth write, and forth at the next; unless
    None, each transaction also registers a session.
    """

    database: str
    ledger: str
    board: str
    writer: int
    writers: int
    patience_s: float = 30.0
    slice_s: float = 0.001
    hold_s: float = 0.001
    think_s: float = 0.005
    row_bytes: int = 0
    checkpoint_pages: int | None = None
    reopen: int = 0
    stray_close: int = 0
    strayed: str = ""
    obey_modes: bool = False
    clock_step_s: float | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """outcomes: how often each came. polled_ns: see note_polls. warnings: how many the registry gave."""

    outcomes: Counter[str]
    polled_ns: list[tuple[int, int]]
    warnings: int


def prepare(orders: Orders) -> Callable[[], Written]:
    """Open the registry; returns the storm."""
    return _Writer(orders).run


class _Writer:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._warned: list[object] = []
        warnings.showwarning = lambda *words, **_: self._warned.append(words[0])
        if orders.obey_modes:
            drop_override()
        self._board = Board(orders.board, orders.writers)
        self._cell = self._board.cell(orders.writer)
        self._cell.enter(OPENING)
        self._ledger = Ledger(orders.ledger)
        self._registry = self._opened()
        self._pause = random.Random(orders.writer)
        self._polled_ns = note_polls()

    def run(self) -> Written:
        orders = self._orders
        outcomes: Counter[str] = Counter()
        self._cell.enter(THINKING)
        for sequence in count():
            if orders.think_s:
                sleep(self._pause.expovariate(1 / orders.think_s))
            if self._board.stopped:
                break
            if orders.reopen and sequence % orders.reopen == orders.reopen - 1:
                self._cell.enter(OPENING)
                self._registry.close()
                self._registry = self._opened()
            outcomes[self._write(sequence)] += 1
        self._registry.close()
        self._ledger.close()
        return Written(outcomes, self._polled_ns, len(self._warned))

    def _write(self, sequence: int) -> str:
        """One write; its outcome."""
        self._ledger.sequence = sequence
        self._cell.enter(IN_LINE)
        try:
            with self._registry.transaction() as transaction:
                self._cell.begin(monotonic_ns())
                transaction.execute("INSERT INTO storm_writes VALUES (?, ?, ?)", (STORM, self._orders.writer, sequence))
                self._do_more(transaction.execute, sequence)
                self._cell.enter(COMMITTING)
        except WriteTimeout:
            return "timed out"
        except (RegistryError, sqlite3.Error) as error:
            return f"{type(error).__name__} {getattr(error, 'code', None) or ''}".strip()
        else:
            return "committed"
        finally:
            self._cell.enter(THINKING)

    def _do_more(self, execute: Callable[..., object], sequence: int) -> None:
        """What a campaign wants inside the transaction."""
        orders = self._orders
        if orders.clock_step_s is not None:
            set_back(orders.clock_step_s if sequence % _STEP_EVERY == _STEP_EVERY - 1 else 0.0)
            self._registry.sessions.register(f"writer {orders.writer}")
        if orders.row_bytes:
            execute("UPDATE ballast SET data = randomblob(?)", (orders.row_bytes,))
        if orders.stray_close and sequence % orders.stray_close == orders.stray_close - 1:
            os.close(os.open(orders.strayed, os.O_RDONLY))
        if orders.hold_s:
            sleep(orders.hold_s)

    def _opened(self) -> Registry:
        orders = self._orders
        policy = WriteQueue(patience=orders.patience_s, slice=orders.slice_s)
        registry = Registry.open(orders.database, policy=policy, observer=self._ledger)
        connection = registry._database.connection
        if orders.checkpoint_pages is not None and connection is not None:
            connection.execute(f"PRAGMA wal_autocheckpoint={orders.checkpoint_pages}")
        return registry
