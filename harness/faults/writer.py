"""The writers of a scene: they write while a fault strikes, record what was acknowledged, and count what they saw."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from time import monotonic_ns, sleep
from typing import Protocol

from pytest_sessionreg.registry.errors import RegistryError, WriteTimeout
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.busy_timeout import BusyTimeout
from pytest_sessionreg.registry.sqlite.admission.record import WriteRecord
from pytest_sessionreg.results.ledger import Ledger

from .scene import STORM, Scene

__all__ = ["PlainWriter", "RegistryWriter", "Seen", "Tally", "Writer"]

_SETUP_PATIENCE_S = 30.0
INSERT = "INSERT INTO storm_writes (storm, worker, sequence) VALUES (?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Seen:
    """An error as the caller saw it, `count` times. kind: the exception's name. code: SQLite's extended result code,
    None where SQLite had no part in it.
    """

    kind: str
    code: int | None
    count: int


class Tally:
    """Counts errors by kind and code."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int | None]] = Counter()

    def add(self, error: BaseException) -> None:
        """One more of `error`'s kind."""
        code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
        self._counts[type(error).__name__, getattr(error, "code", code)] += 1

    def seen(self) -> tuple[Seen, ...]:
        """All, most frequent first."""
        return tuple(Seen(kind, code, count) for (kind, code), count in self._counts.most_common())


class Writer(Protocol):
    """One process's way to write."""

    def write(self, sequence: int) -> None:
        """One write. Raises RegistryError or sqlite3.Error when it fails; the next one is tried all the same."""

    def close(self) -> None:
        """The end."""


class RegistryWriter:
    """Writes through the registry, under the scene's policy: a row, and a heartbeat. After an error other than a
    timeout it closes the registry and opens it again, as its messages advise.
    """

    def __init__(self, scene: Scene, worker: int, *, reopens: bool = False) -> None:
        self._scene = scene
        self._worker = worker
        self._reopens = reopens
        self._ledger = Ledger(scene.ledgers[worker])
        self._registry: Registry | None = None
        self._session_id = f"{STORM}-{worker}"
        with Registry.open(scene.database, workspace=STORM, policy=BusyTimeout(_SETUP_PATIENCE_S)) as registry:
            registry.sessions.register(self._session_id)  # no write of the scene, and not in the ledger
        self._open()

    def write(self, sequence: int) -> None:
        """One transaction: its row, a heartbeat, and the hold."""
        try:
            registry = self._open()
            self._ledger.sequence = sequence
            with registry.transaction() as transaction:
                transaction.execute(INSERT, (STORM, self._worker, sequence))
                registry.sessions.heartbeat(self._session_id)
                sleep(self._scene.hold_s)
        except WriteTimeout:
            raise
        except (RegistryError, sqlite3.Error):
            self._discard()
            raise
        if self._reopens:
            self._discard()

    def close(self) -> None:
        """Close the registry and the ledger."""
        self._discard()
        self._ledger.close()

    def _open(self) -> Registry:
        if self._registry is None:
            self._registry = Registry.open(
                self._scene.database, workspace=STORM, policy=self._scene.policy, observer=self._ledger
            )
        return self._registry

    def _discard(self) -> None:
        registry, self._registry = self._registry, None
        if registry is not None:
            try:
                registry.close()
            except (RegistryError, sqlite3.Error):
                return  # the error that led here says more


class PlainWriter:
    """Writes through sqlite3 alone, with `timeout_s` as SQLite's own timeout; `statements` open the transaction."""

    def __init__(self, scene: Scene, worker: int, *, timeout_s: float, statements: tuple[str, ...]) -> None:
        self._scene = scene
        self._worker = worker
        self._statements = statements
        self._ledger = Ledger(scene.ledgers[worker])
        self._connection = sqlite3.connect(scene.database, timeout=timeout_s, isolation_level=None)

    def write(self, sequence: int) -> None:
        """One transaction: its row, and the hold."""
        connection = self._connection
        started_ns = admitted_ns = monotonic_ns()
        outcome, code = "failed", None
        try:
            for statement in self._statements:
                connection.execute(statement).fetchall()
            connection.execute(INSERT, (STORM, self._worker, sequence))
            admitted_ns = monotonic_ns()
            sleep(self._scene.hold_s)
            connection.execute("COMMIT")
            outcome = "committed"
        except sqlite3.Error as error:
            code = error.sqlite_errorcode
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            ended_ns = monotonic_ns()
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
