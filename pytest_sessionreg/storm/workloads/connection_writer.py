"""Writes through a connection of the caller's kind: the storm begins and commits, the caller's code does the rest."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from time import monotonic_ns, sleep
from typing import Any, Protocol

from ...error_base import StormError
from ...registry import RegistryError, WriteTimeout
from ...registry.sqlite.admission.record import WriteRecord
from ...results.failures import FailureLog
from ...results.ledger import Ledger
from ..job import Job
from ..storm_writes import INSERT

__all__ = ["Connection", "ConnectionWriter", "is_busy", "sqlite_code"]


class Connection(Protocol):
    """What the storm itself needs of a DB-API connection to SQLite."""

    def cursor(self) -> Any:
        """A cursor with `execute`, `fetchone` and `close`."""

    def close(self) -> None:
        """Close the connection."""


class ConnectionWriter:
    """`body(connection, worker, sequence)` inside BEGIN IMMEDIATE under the job's policy, and COMMIT.

    insert: whether the storm's own row goes into the same transaction. While the policy waits, SQLite's busy timeout is
    the policy's; from then on it is again what `connection` came with.
    """

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        failures: FailureLog,
        connection: Connection,
        body: Callable[[Any, int, int], object],
        *,
        insert: bool,
    ) -> None:
        self._job, self._ledger, self._failures = job, ledger, failures
        self._connection, self._body, self._insert = connection, body, insert
        self._admission = job.policy.bind(job.site.database)
        self._own_timeout_ms = int(self._execute("PRAGMA busy_timeout")[0])
        self._timeout_ms = round(self._admission.busy_timeout_s * 1000)
        if getattr(connection, "in_transaction", False):
            raise StormError(
                "connect() returned a connection with an open transaction; the storm begins each one itself: "
                "turn the driver's implicit transactions off (isolation_level=None)"
            )

    def write(self, sequence: int) -> None:
        """One transaction. Whatever the caller's code raises is counted, and the storm goes on."""
        started_ns = held_ns = monotonic_ns()
        busy: int | None = 0
        phase = "begin"
        admitted = False
        try:
            self._set_timeout(self._timeout_ms)
            try:
                busy = self._admission.admit(self._begin)
            finally:
                self._set_timeout(self._own_timeout_ms)
            held_ns = monotonic_ns()
            admitted = True
            phase = "body"
            self._run_body(sequence)
            phase = "commit"
            self._execute("COMMIT")
        except WriteTimeout as error:
            busy = error.busy
            phase, code, outcome = error.phase, error.code, "exhausted"
        except StormError:
            raise  # the caller's code does what makes no storm: once is enough to know
        except Exception as error:  # noqa: BLE001  the caller's code may raise anything
            code = sqlite_code(error)
            outcome = "exhausted" if is_busy(code) else "failed"
            self._failures.add(error, sequence, exhausted=outcome == "exhausted")
            self._undo(admitted=admitted)
        else:
            phase, code, outcome = "", None, "committed"
        ended_ns = monotonic_ns()
        if admitted:
            self._admission.leave()
        else:
            held_ns = ended_ns
        retries = busy if busy is None or admitted else max(busy - 1, 0)
        self._ledger(
            WriteRecord(
                started_ns, held_ns - started_ns, ended_ns - held_ns, busy, retries, outcome, code, phase or None
            )
        )

    def close(self) -> None:
        """Close the connection and the admission."""
        self._connection.close()
        self._admission.close()

    def _run_body(self, sequence: int) -> None:
        job = self._job
        self._body(self._connection, job.worker, sequence)
        if not getattr(self._connection, "in_transaction", True):
            raise StormError(
                f"the transaction had ended when {job.workload} returned; leave COMMIT and ROLLBACK to the storm, "
                "or take a path instead of a connection"
            )
        if self._insert:
            self._execute(INSERT, (job.site.storm, job.worker, sequence))
        if job.hold_s:
            sleep(job.hold_s)

    def _begin(self) -> bool:
        try:
            self._execute("BEGIN IMMEDIATE")
        except Exception as error:
            if is_busy(sqlite_code(error)):
                return False
            raise
        return True

    def _undo(self, *, admitted: bool) -> None:
        if getattr(self._connection, "in_transaction", admitted):
            try:
                self._execute("ROLLBACK")
            except Exception as error:
                raise StormError(f"ROLLBACK failed ({error}); the connection is of no more use") from error

    def _set_timeout(self, milliseconds: int) -> None:
        if self._timeout_ms != self._own_timeout_ms:
            self._execute(f"PRAGMA busy_timeout={milliseconds}")

    def _execute(self, sql: str, parameters: tuple[object, ...] = ()) -> Any:
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql, parameters)
            return cursor.fetchone() if sql.startswith("PRAGMA") else None
        finally:
            cursor.close()


def sqlite_code(error: BaseException) -> int | None:
    """SQLite's extended result code behind `error`, looked for in what caused it too: libraries wrap sqlite3's errors
    in their own.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RegistryError):
            code = seen.code
        else:  # sqlite3's name for it, or that of apsw, which brings its own SQLite
            code = getattr(seen, "sqlite_errorcode", getattr(seen, "extendedresult", None))
        if isinstance(code, int):
            return code
        seen = seen.__cause__ or seen.__context__
    return None


def is_busy(code: int | None) -> bool:
    """Whether `code` is SQLITE_BUSY or one of its extended codes."""
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY
