"""The states in which a database is found, and the one process that brings it into each."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from time import sleep

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.registry import Registry

from .orders import PATIENCE_S, SCHEMA, VERSION, Order, order_named

__all__ = ["STATES", "prepare"]

# name: what the openers find
STATES = {
    "fresh": "no file",
    "settled": "a migrated file in WAL mode, closed by its last user",
    "crashed": "the log of a sole writer that was killed: recovery is left to the openers",
    "held": "a settled file; a writer holds the write lock",
}

# The log that a crash leaves, in pages of 4 KiB: enough that recovery takes its while, as in the field.
_FAT_LOG_ROWS, _ROW_BYTES = 1500, 4000


def prepare(path: str, state: str, order_name: str, hold_s: float) -> Callable[[], None]:
    """Before the gate: bring the file at `path` into `state`, as the named order leaves it. After it: in the state
    "held", let go of the write lock when `hold_s` seconds are over.
    """
    order = order_named(order_name)
    if state != "fresh":
        _settle(path, order)
    if state == "crashed":
        _crash(path)
    held = _hold(path) if state == "held" else None

    def run() -> None:
        if held is not None:
            sleep(hold_s)
            held.execute("ROLLBACK")
            held.close()

    return run


def _settle(path: str, order: Order) -> None:
    if order.registry:
        Registry.open(path).close()
        return
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute("CREATE INDEX events_by_session ON events (session_id)")
    for column in ("escalation_level", "run_id"):
        connection.execute(f"ALTER TABLE sessions ADD COLUMN {column} TEXT")
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")
    connection.close()


def _crash(path: str) -> None:
    """Have a child write a fat log and die by SIGKILL, with the only connection still open."""
    pid = os.fork()
    if pid == 0:
        try:
            connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE ballast (payload BLOB)")
            connection.executemany(
                "INSERT INTO ballast VALUES (?)", ((bytes(_ROW_BYTES),) for _ in range(_FAT_LOG_ROWS))
            )
            connection.execute("COMMIT")
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise StormError(f"{path}: the writer that was to crash ended with status {status}; see its output above")


def _hold(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection
