"""The orders of the open steps, each a documented sequence in plain sqlite3.

A step is a phase and what is done in it; the phase is what a failure is counted under. The toy schema (two tables, one
version number) stands for any schema: what races is the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from time import monotonic, sleep

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.registry import Registry

__all__ = ["ORDERS", "ORDER_NAMES", "PATIENCE_S", "SCHEMA", "VERSION", "OpenFailed", "Order", "order_named"]

# What every order that has a timeout sets it to: the field's usual 5 s.
PATIENCE_S = 5.0
# OrchestKit's retry loop around BEGIN IMMEDIATE: 15 retries, each after 20 to 150 ms.
_RETRIES, _SHORTEST_S, _LONGEST_S = 15, 0.020, 0.150

VERSION = 2
SCHEMA = (
    "CREATE TABLE sessions (session_id TEXT PRIMARY KEY, status TEXT NOT NULL)",
    "CREATE TABLE events (event_id INTEGER PRIMARY KEY, session_id TEXT NOT NULL, payload TEXT)",
)


class OpenFailed(StormError):
    """A step of an order failed. `phase` names the step, `error` is what it raised."""

    def __init__(self, phase: str, error: BaseException) -> None:
        super().__init__(f"{phase}: {error}")
        self.phase = phase
        self.error = error


Step = tuple[str, Callable[[sqlite3.Connection], object]]


@dataclass(frozen=True, slots=True)
class Order:
    """name: on the command line.
    summary: the steps in words, for the table.
    steps: run in this order on a connection whose own timeout is 0; () for the registry, which opens itself.
    patience_s: how long the whole sequence is run again when it meets SQLITE_BUSY, 0 for once.
    """

    name: str
    summary: str
    steps: tuple[Step, ...]
    patience_s: float = 0.0

    @property
    def registry(self) -> bool:
        """Whether this is `Registry.open` itself."""
        return not self.steps

    def open(self, path: str) -> sqlite3.Connection | Registry:
        """Open the file at `path`. Raises OpenFailed, with nothing left open."""
        if self.registry:
            try:
                return Registry.open(path)
            except Exception as error:
                raise OpenFailed("Registry.open", error) from error
        deadline = monotonic() + self.patience_s
        while True:
            try:
                return self._open_once(path)
            except OpenFailed as failed:
                if not _busy(failed.error) or monotonic() >= deadline:
                    raise
            sleep(uniform(0.001, 0.010))

    def _open_once(self, path: str) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise OpenFailed("connect", error) from error
        for phase, step in self.steps:
            try:
                step(connection)
            except sqlite3.Error as error:
                connection.close()
                raise OpenFailed(phase, error) from error
        return connection


def _busy(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _timeout(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout={round(PATIENCE_S * 1000)}")


def _wal(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL").fetchone()


def _synchronous(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _foreign_keys(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys=ON")


def _is_settled(connection: sqlite3.Connection) -> bool:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(version == VERSION)


def _create(connection: sqlite3.Connection) -> None:
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={VERSION}")


def _migrate_checked_inside(connection: sqlite3.Connection) -> None:
    """Read the version; if old, take the write lock, and read it again before anything is changed."""
    if _is_settled(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    if not _is_settled(connection):
        _create(connection)
    connection.execute("COMMIT")


def _migrate_checked_outside(connection: sqlite3.Connection) -> None:
    """Read the version; if old, take the write lock, and trust what was read before."""
    if _is_settled(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    _create(connection)
    connection.execute("COMMIT")


def _migrate_deferred(connection: sqlite3.Connection) -> None:
    """Read the version and change the schema in one deferred transaction: a read that becomes a write."""
    connection.execute("BEGIN")
    if not _is_settled(connection):
        _create(connection)
    connection.execute("COMMIT")


def _migrate_writing(connection: sqlite3.Connection) -> None:
    """Take the write lock and set the version every time, whether or not anything is to be changed."""
    connection.execute("BEGIN IMMEDIATE")
    if not _is_settled(connection):
        _create(connection)
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def _migrate_with_retries(connection: sqlite3.Connection) -> None:
    """As checked inside, with OrchestKit's loop around BEGIN IMMEDIATE."""
    if _is_settled(connection):
        return
    for attempt in range(_RETRIES + 1):
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if not _busy(error) or attempt == _RETRIES:
                raise
        sleep(uniform(_SHORTEST_S, _LONGEST_S))
    if not _is_settled(connection):
        _create(connection)
    connection.execute("COMMIT")


def _create_if_not_exists(connection: sqlite3.Connection) -> None:
    """Overstory's CREATE_TABLE and CREATE_INDEXES: no transaction, IF NOT EXISTS."""
    for statement in SCHEMA:
        connection.execute(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    connection.execute("CREATE INDEX IF NOT EXISTS events_by_session ON events (session_id)")


def _add_columns(connection: sqlite3.Connection) -> None:
    """Overstory's migrateEscalationColumns and migrateRunIdColumn: look for a column, add it if it is missing."""
    for column in ("escalation_level", "run_id"):
        present = {row[1] for row in connection.execute("PRAGMA table_info(sessions)")}
        if column not in present:
            connection.execute(f"ALTER TABLE sessions ADD COLUMN {column} TEXT")


_TIMEOUT: Step = ("timeout", _timeout)
_WAL: Step = ("WAL", _wal)
_SYNCHRONOUS: Step = ("synchronous", _synchronous)
_FOREIGN_KEYS: Step = ("foreign keys", _foreign_keys)
_INSIDE: Step = ("migrate", _migrate_checked_inside)

ORDERS = (
    Order("no-timeout", "WAL, migrate; no busy timeout", (_WAL, _SYNCHRONOUS, _INSIDE)),
    Order("wal-first", "WAL, then the timeout", (_WAL, _SYNCHRONOUS, _TIMEOUT, _INSIDE)),
    Order(
        "overstory",
        "Overstory's: WAL, timeout, IF NOT EXISTS, add columns",
        (_WAL, _SYNCHRONOUS, _TIMEOUT, ("create", _create_if_not_exists), ("add columns", _add_columns)),
    ),
    Order(
        "check-outside",
        "timeout first; version checked only before the lock",
        (_TIMEOUT, _WAL, _SYNCHRONOUS, ("migrate", _migrate_checked_outside)),
    ),
    Order(
        "deferred",
        "timeout first; migrates in a deferred transaction",
        (_TIMEOUT, _WAL, _SYNCHRONOUS, ("migrate", _migrate_deferred)),
    ),
    Order(
        "write-at-open",
        "timeout first; sets the version at every open",
        (_TIMEOUT, _WAL, _SYNCHRONOUS, ("migrate", _migrate_writing)),
    ),
    Order("timeout-first", "timeout, WAL, migrate; once", (_TIMEOUT, _WAL, _SYNCHRONOUS, _INSIDE)),
    Order(
        "orchestkit",
        "OrchestKit's: timeout, WAL, BEGIN with 15 retries",
        (_TIMEOUT, _WAL, ("migrate", _migrate_with_retries)),
    ),
    Order(
        "today",
        "timeout-first, run again while busy",
        (_TIMEOUT, _WAL, _SYNCHRONOUS, _FOREIGN_KEYS, _INSIDE),
        patience_s=PATIENCE_S,
    ),
    Order("registry", "Registry.open", ()),
)
ORDER_NAMES = tuple(order.name for order in ORDERS)


def order_named(name: str) -> Order:
    """The order called `name`. Raises KeyError for an unknown one."""
    return {order.name: order for order in ORDERS}[name]
