"""How a process writes: through the registry, or through sqlite3 alone. Every write goes into a ledger."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from time import monotonic_ns, sleep
from typing import Protocol

from pytest_sessionreg.registry.errors import RegistryError, WriteTimeout
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.registry.sqlite.admission.record import WriteRecord
from pytest_sessionreg.registry.transaction import Transaction
from pytest_sessionreg.results.ledger import Ledger
from pytest_sessionreg.storm.storm_writes import INSERT

from .board import COMMITTING, IN_LINE, OPENING, WriterCell
from .setup import STORM, Setup

__all__ = ["FaultWriter", "MakeWriter", "PlainWriter", "RegistryWriter", "register_session"]

Body = Callable[[Registry, Transaction, int], object]


class FaultWriter(Protocol):
    """One process's way to write."""

    def write(self, sequence: int) -> None:
        """One write. Raises RegistryError or sqlite3.Error when it fails; the next one is tried all the same."""

    def close(self) -> None:
        """The end."""


MakeWriter = Callable[[Setup, int, WriterCell], FaultWriter]


def register_session(registry: Registry, _transaction: Transaction, _sequence: int) -> None:
    """A transaction's body: register this process's session, which resumes it from the second time on."""
    registry.sessions.register(f"{STORM}-{os.getpid()}")


class RegistryWriter:
    """Writes through the registry. After an error other than WriteTimeout it closes the registry and opens it again, as
    the messages advise.

    policy: the admission policy.
    hold_s: slept inside each transaction.
    reopen_every: after how many writes the registry is closed, to be opened again for the next; 0 for never.
    body: called inside each transaction, before the hold, with the registry, the transaction and the write's number.
    """

    def __init__(
        self,
        setup: Setup,
        worker: int,
        cell: WriterCell,
        *,
        policy: AdmissionPolicy,
        hold_s: float = 0.001,
        reopen_every: int = 0,
        body: Body | None = None,
    ) -> None:
        self._database, self._worker, self._cell = setup.database, worker, cell
        self._policy, self._hold_s, self._reopen_every, self._body = policy, hold_s, reopen_every, body
        self._ledger = Ledger(setup.ledger(worker))
        self._registry: Registry | None = None
        self._open()

    def write(self, sequence: int) -> None:
        """One transaction: its row, the body, and the hold."""
        try:
            registry = self._open()
            self._ledger.sequence = sequence
            self._cell.enter(IN_LINE)
            with registry.transaction() as transaction:
                self._cell.begin()
                transaction.execute(INSERT, (STORM, self._worker, sequence))
                if self._body is not None:
                    self._body(registry, transaction, sequence)
                if self._hold_s:
                    sleep(self._hold_s)
                self._cell.enter(COMMITTING)
        except WriteTimeout:
            raise
        except (RegistryError, sqlite3.Error):
            self._discard()
            raise
        if self._reopen_every and sequence % self._reopen_every == self._reopen_every - 1:
            self._discard()

    def close(self) -> None:
        """Close the registry and the ledger."""
        self._discard()
        self._ledger.close()

    def _open(self) -> Registry:
        if self._registry is None:
            self._cell.enter(OPENING)
            self._registry = Registry.open(self._database, workspace=STORM, policy=self._policy, observer=self._ledger)
        return self._registry

    def _discard(self) -> None:
        registry, self._registry = self._registry, None
        if registry is not None:
            try:
                registry.close()
            except (RegistryError, sqlite3.Error):
                return  # the error that led here says more


class PlainWriter:
    """Writes through sqlite3 alone.

    timeout_s: SQLite's own.
    hold_s: slept inside each transaction.
    reopen: whether each write has a connection of its own.
    begin: the statements that begin a transaction.
    """

    def __init__(
        self,
        setup: Setup,
        worker: int,
        cell: WriterCell,
        *,
        timeout_s: float = 5.0,
        hold_s: float = 0.001,
        reopen: bool = False,
        begin: tuple[str, ...] = ("BEGIN IMMEDIATE",),
    ) -> None:
        self._database, self._worker, self._cell = setup.database, worker, cell
        self._timeout_s, self._hold_s, self._reopen, self._begin = timeout_s, hold_s, reopen, begin
        self._ledger = Ledger(setup.ledger(worker))
        self._connection = self._connect()

    def write(self, sequence: int) -> None:
        """One transaction: its row, and the hold."""
        if self._reopen:
            self._connection.close()
            self._connection = self._connect()
        connection = self._connection
        self._cell.enter(IN_LINE)
        started_ns, admitted_ns = monotonic_ns(), 0
        outcome, code = "failed", None
        try:
            for statement in self._begin:
                connection.execute(statement).fetchall()
            connection.execute(INSERT, (STORM, self._worker, sequence))
            admitted_ns = monotonic_ns()
            self._cell.begin()
            sleep(self._hold_s)
            self._cell.enter(COMMITTING)
            connection.execute("COMMIT")
            outcome = "committed"
        except sqlite3.Error as error:
            code = error.sqlite_errorcode
            if code & 0xFF == sqlite3.SQLITE_BUSY:
                outcome = "exhausted"
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            ended_ns = monotonic_ns()
            admitted_ns = admitted_ns or ended_ns
            self._ledger.sequence = sequence
            self._ledger(
                WriteRecord(
                    started_ns=started_ns,
                    wait_ns=admitted_ns - started_ns,
                    hold_ns=ended_ns - admitted_ns,
                    busy=None,
                    retries=None,
                    outcome=outcome,
                    code=code,
                    phase=None if outcome == "committed" else "begin",
                )
            )

    def close(self) -> None:
        """Close the connection and the ledger."""
        self._connection.close()
        self._ledger.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=self._timeout_s, isolation_level=None)
