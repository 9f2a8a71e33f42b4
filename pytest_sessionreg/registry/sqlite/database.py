"""One connection with its admission policy: every write of the registry passes here, inside BEGIN IMMEDIATE.

The way of one write: docs/how-it-works.md#a-write.
"""

from __future__ import annotations

import os
import sqlite3
from _thread import get_ident  # threading itself is not needed by a cold start
from time import monotonic_ns

from ..errors import (
    DatabaseBusy,
    DatabaseMoved,
    RegistryClosed,
    RegistryError,
    TransactionState,
    WriteTimeout,
    WrongOwner,
    primary_code,
    translate_error,
)
from .connection import OPEN_PATIENCE_S, open_connection, set_busy_timeout
from .fork import discard_after_fork
from .schema import schema_version, workspace_tables
from .write_ahead_log import WriteAheadLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ..database import Values
    from .admission.policy import AdmissionPolicy, Observer

    T = TypeVar("T")

__all__ = ["Database"]


class Database:
    """The open file: its connection, how writers are admitted to it, and who owns it (one thread of one process).

    `observer`, if given, receives one WriteRecord per write, admitted or not. `patience_s`, unless None, is how many
    seconds a writer waits instead of what the policy says.
    """

    __slots__ = (
        "__weakref__",
        "_admission",
        "_busy",
        "_connection",
        "_execute",
        "_held_from_ns",
        "_identity",
        "_keep_out",
        "_log",
        "_moved",
        "_new_record",
        "_observer",
        "_pid",
        "_started_ns",
        "_thread",
        "_workspace_tables",
        "path",
        "patience_s",
    )

    def __init__(self, path: str, *, policy: AdmissionPolicy, observer: Observer | None) -> None:
        self.path = path
        self._log = WriteAheadLog(path)
        self._moved: str | None = None
        self.patience_s: float | None = None
        self._observer = observer
        if observer is not None:
            from .admission.record import WriteRecord  # only now: it is a dataclass, whose import a cold start saves

            self._new_record = WriteRecord
        self._workspace_tables: list[str] | None = None
        self._pid = os.getpid()
        self._thread = get_ident()
        self._busy: int | None = 0
        self._started_ns = 0
        self._held_from_ns = 0
        self._connection: sqlite3.Connection | None = open_connection(path)
        self._execute: Callable[..., sqlite3.Cursor] = self._connection.execute
        try:
            status = os.stat(path)
            self._identity = (status.st_dev, status.st_ino)
            self._admission = policy.bind(path)
            self._keep_out: Callable[[], None] | None = getattr(self._admission, "keep_out", None)
            set_busy_timeout(self._connection, self._admission.busy_timeout_s)
        except BaseException:
            self._connection.close()
            raise
        discard_after_fork(self)

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The connection, for code that must not close it; None once it is closed."""
        return self._connection

    # -- the write path ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Be admitted and hold SQLite's write lock. Raises WriteTimeout when the policy gives up."""
        if self._checked().in_transaction:
            message = f"{self.path}: a transaction is already open; finish it, or write through the one that is open"
            raise TransactionState(message, database=self.path)
        self._begin()

    def _begin(self) -> None:
        self._check_unmoved()
        self._log.prepare()
        self._started_ns = monotonic_ns()
        try:
            self._busy = self._admission.admit(self._try_begin, self.patience_s)
        except WriteTimeout as error:
            self._busy = error.busy
            self._record("exhausted", code=error.code, phase=error.phase)
            raise
        except sqlite3.Error as error:
            self._record("failed", code=getattr(error, "sqlite_errorcode", None), phase="begin")
            raise translate_error(error, database=self.path, doing="BEGIN IMMEDIATE") from error
        self._held_from_ns = monotonic_ns()
        if not self._log.is_ours():
            self.rollback()
            raise self._abandoned("nothing was written")

    def execute(self, sql: str, parameters: Values = ()) -> sqlite3.Cursor:
        """Run one statement inside the open transaction; sqlite3's errors pass through to the author of the SQL."""
        connection = self._checked()
        if not connection.in_transaction:
            message = f"{self.path}: no transaction is open; write inside `with registry.transaction()`"
            raise TransactionState(message, database=self.path)
        return self._execute(sql, parameters)

    def commit(self) -> None:
        """COMMIT and let the next writer in.

        When it raises, nothing was written; but after DatabaseMoved, which says so, it may have been, and be lost.
        """
        self._commit(self._checked())

    def _commit(self, connection: sqlite3.Connection) -> None:
        if not connection.in_transaction:
            self._leave("failed", code=None, phase="body")
            message = f"{self.path}: SQLite rolled the transaction back after an error; run the whole transaction again"
            raise TransactionState(message, database=self.path)
        if not self._log.lock_is_ours():
            self._undo()
            self._leave("failed", code=None, phase="commit")
            raise self._abandoned("nothing was written", lock=True)
        if self._log.is_large and self._keep_out is not None:
            self._keep_out()  # COMMIT copies the log, and with writers in between it is never all copied
        try:
            self._execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            self._leave("failed", code=getattr(error, "sqlite_errorcode", None), phase="commit")
            raise translate_error(error, database=self.path, doing="COMMIT") from error
        except BaseException:
            self._undo()
            self._leave("failed", code=None, phase="commit")
            raise
        ended_ns = monotonic_ns()
        self._admission.leave()  # what follows is not the transaction, and others wait
        kept = self._log.kept()
        self._record("committed" if kept else "failed", code=None, phase=None if kept else "commit", ended_ns=ended_ns)
        if not kept:
            raise self._abandoned("what was just written may be lost")

    def rollback(self) -> None:
        """Undo the open transaction and let the next writer in."""
        self._checked()
        self._undo()
        self._leave("rolled back", code=None, phase="body")

    def write(self, sql: str, parameters: Values = ()) -> int:
        """Run one statement of the registry's own in a write transaction (the open one, if any); the rows changed."""
        connection = self._checked()
        if connection.in_transaction:
            return self._own(sql, parameters).rowcount
        self._begin()
        try:
            changed = self._own(sql, parameters).rowcount
        except BaseException:
            self.rollback()
            raise
        self._commit(connection)
        return changed

    def migrate(self, sql: str, version: int) -> None:
        """Run a migration in the open transaction; see migration.run_migration."""
        from .migration import run_migration

        connection = self._checked()
        try:
            run_migration(connection, sql, version)
        except sqlite3.Error as error:
            doing = f"migrating it to schema version {version}"
            raise translate_error(error, database=self.path, doing=doing) from error

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._checked().in_transaction

    # -- the read path -------------------------------------------------------------------------------------------

    def read(self, sql: str, parameters: Values = ()) -> list[Any]:
        """All rows of a query, without the write lock.

        The connection's busy timeout is the policy's (0 for all but BusyTimeout). A read that meets SQLITE_BUSY, which
        in WAL only recovery and a last closer's checkpoint cause, is run again under a timeout of OPEN_PATIENCE_S.
        """
        connection = self._checked()
        self._check_unmoved()
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                raise translate_error(error, database=self.path, doing="reading") from error
        try:
            return self._patiently(connection, lambda: connection.execute(sql, parameters).fetchall())
        except sqlite3.Error as error:
            raise translate_error(error, database=self.path, doing="reading") from error

    def schema_version(self) -> int:
        """The file's schema version; see schema.schema_version."""
        connection = self._checked()
        try:
            return schema_version(connection, self.path)
        except DatabaseBusy:
            return self._patiently(connection, lambda: schema_version(connection, self.path))

    def workspace_tables(self) -> list[str]:
        """The tables in which a workspace may show, as they were when first asked for; see schema.workspace_tables."""
        if self._workspace_tables is None:
            self._workspace_tables = workspace_tables(self.read)
        return self._workspace_tables

    # -- the end -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Roll back what is open and close the connection; a second call does nothing.

        Raises WrongOwner in a forked child: closing there would drop the parent's locks.
        """
        if self._connection is None:
            return
        connection = self._checked()
        if connection.in_transaction:
            self.rollback()
        self._connection = None
        del self._execute
        if self._log.is_ours():
            connection.close()
        else:
            self._log.abandon(connection)
        self._admission.close()

    # -- inside --------------------------------------------------------------------------------------------------

    def _checked(self) -> sqlite3.Connection:
        """The connection, if it is open and this is the thread and the process that opened it."""
        if self._pid != os.getpid() or self._thread != get_ident():
            where = "another thread" if self._pid == os.getpid() else "a forked child"
            message = (
                f"{self.path}: this registry was opened elsewhere and is used from {where}; open one registry there"
            )
            raise WrongOwner(message, database=self.path)
        if self._connection is None:
            raise self._closed()
        return self._connection

    def _check_unmoved(self) -> None:
        """Raise DatabaseMoved unless the path still names the file that was opened: SQLite in WAL would not notice."""
        try:
            status = os.stat(self.path)
        except OSError as error:
            found = f"is gone ({error.strerror})"
        else:
            if (status.st_dev, status.st_ino) == self._identity:
                return
            found = "is another file now"
        message = (
            f"{self.path}: {found}, moved aside or replaced since this registry opened it; close it and open again"
        )
        raise DatabaseMoved(message, database=self.path)

    def _abandoned(self, consequence: str, *, lock: bool = False) -> DatabaseMoved:
        """Close, because the log is no longer ours, or (lock) the write lock is not; what to raise."""
        connection, self._connection = self._connection, None
        self._moved = self._log.lock_lost(consequence) if lock else self._log.moved(consequence)
        del self._execute
        if connection is not None:
            self._log.abandon(connection)
        self._admission.close()
        return DatabaseMoved(self._moved, database=self.path)

    def _closed(self) -> RegistryError:
        if self._moved is not None:
            return DatabaseMoved(self._moved, database=self.path)
        return RegistryClosed(f"{self.path}: this registry is closed; open it again", database=self.path)

    def _try_begin(self) -> bool:
        """One BEGIN IMMEDIATE: True when the lock is held, False when SQLite said busy."""
        try:
            self._execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if primary_code(error) == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def _own(self, sql: str, parameters: Values) -> sqlite3.Cursor:
        try:
            return self._execute(sql, parameters)
        except sqlite3.Error as error:
            raise translate_error(error, database=self.path, doing="writing") from error

    def _patiently(self, connection: sqlite3.Connection, read: Callable[[], T]) -> T:
        """The result of `read`, with SQLite itself waiting for locks meanwhile."""
        set_busy_timeout(connection, OPEN_PATIENCE_S)
        try:
            return read()
        finally:
            set_busy_timeout(connection, self._admission.busy_timeout_s)

    def _undo(self) -> None:
        connection = self._connection
        if connection is not None and connection.in_transaction:
            try:
                self._execute("ROLLBACK")
            except sqlite3.Error as error:
                raise translate_error(error, database=self.path, doing="ROLLBACK") from error

    def _leave(self, outcome: str, *, code: int | None, phase: str | None) -> None:
        ended_ns = monotonic_ns()
        self._admission.leave()
        self._record(outcome, code=code, phase=phase, ended_ns=ended_ns)

    def _record(self, outcome: str, *, code: int | None, phase: str | None, ended_ns: int | None = None) -> None:
        observer = self._observer
        if observer is None:
            return
        busy = self._busy
        admitted = ended_ns is not None
        if ended_ns is None:
            self._held_from_ns = ended_ns = monotonic_ns()
        observer(
            self._new_record(
                self._started_ns,
                self._held_from_ns - self._started_ns,
                ended_ns - self._held_from_ns if admitted else 0,
                busy,
                busy if busy is None or admitted else max(busy - 1, 0),
                outcome,
                code,
                phase,
            )
        )
