"""One connection with its admission policy: every write of the registry passes here, inside BEGIN IMMEDIATE.

The way of one write: docs/how-it-works.md#a-write.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from _thread import get_ident  # threading itself is not needed by a cold start
from time import monotonic_ns
from weakref import ref

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

# Nothing is open; a write, a BEGIN or a COMMIT is under way, or was when an exception came; a block's transaction is
# open.
_IDLE, _UNDER_WAY, _OPEN = range(3)


class Database:
    """The open file: its connection, how writers are admitted to it, and who owns it (one thread of one process).

    `observer`, if given, receives one WriteRecord per write, admitted or not. `patience_s`, unless None, is how many
    seconds a writer waits instead of what the policy says.
    """

    __slots__ = (
        "__weakref__",
        "_admission",
        "_block",
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
        "_prepare",
        "_started_ns",
        "_state",
        "_task",
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
        self._state = _IDLE
        self._block: ref[object] | None = None
        self._task: object | None = None
        self._started_ns = 0
        self._held_from_ns = 0
        self._connection: sqlite3.Connection | None = open_connection(path)
        self._execute: Callable[..., sqlite3.Cursor] = self._connection.execute
        try:
            status = os.stat(path)
            self._identity = (status.st_dev, status.st_ino)
            self._admission = policy.bind(path)
            self._keep_out: Callable[[], None] | None = getattr(self._admission, "keep_out", None)
            self._prepare: Callable[[], None] | None = getattr(self._admission, "prepare", None)
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

    # An exception may come out of a signal handler at any instruction, also of a clean-up. So `_state` says that there
    # may be something to clear from before there is until after it is cleared; whoever comes next looks at it first.

    def begin(self, block: ref[object], patience_s: float | None = None) -> None:
        """Be admitted and hold SQLite's write lock, for as long as `block` is there, or until commit or rollback.

        Raises WriteTimeout when the policy gives up.
        """
        self._checked()
        if self._state == _OPEN:
            message = f"{self.path}: a transaction is already open; finish it, or write through the one that is open"
            raise TransactionState(message, database=self.path)
        try:
            if "asyncio" in sys.modules:
                from .task import running_task  # here, because a cold start has no tasks

                self._task = running_task()
            self._begin(patience_s)
            self._block = block
            self._state = _OPEN
        except BaseException:
            if self._state == _OPEN:
                self._state = _UNDER_WAY
            self._clear()
            raise

    def end_block(self, block: ref[object]) -> None:
        """Roll back what `block`, which is gone, has left open; the callback of its reference."""
        if self._block is block and self._state == _OPEN and self._thread == get_ident() and self._pid == os.getpid():
            self._state = _UNDER_WAY
            self._clear()

    def _begin(self, patience_s: float | None) -> None:
        self._check_unmoved()
        if self._log.prepare() and self._prepare is not None:
            self._prepare()
        self._started_ns = monotonic_ns()
        self._state = _UNDER_WAY
        try:
            self._busy = self._admission.admit(self._try_begin, self.patience_s if patience_s is None else patience_s)
        except WriteTimeout as error:
            self._state = _IDLE
            self._busy = error.busy
            self._record("exhausted", code=error.code, phase=error.phase)
            raise
        except sqlite3.Error as error:
            self._state = _IDLE
            self._record("failed", code=getattr(error, "sqlite_errorcode", None), phase="begin")
            raise translate_error(error, database=self.path, doing="BEGIN IMMEDIATE") from error
        self._held_from_ns = monotonic_ns()
        if not self._log.is_ours():
            self._clear("rolled back", phase="body")
            raise self._give_up_log(self._log.moved("nothing was written"))

    def execute(self, sql: str, parameters: Values = ()) -> sqlite3.Cursor:
        """Run one statement inside the open transaction; sqlite3's errors pass through to the author of the SQL."""
        connection = self._checked()
        if self._state != _OPEN or not connection.in_transaction:
            message = f"{self.path}: no transaction is open; write inside `with registry.transaction()`"
            raise TransactionState(message, database=self.path)
        self._check_task()
        return self._execute(sql, parameters)

    def commit(self) -> None:
        """COMMIT and let the next writer in.

        When it raises a RegistryError, nothing was written; but after DatabaseMoved, which says so, it may have been,
        and be lost. After any other exception, such as KeyboardInterrupt, it was written or not: read it again.
        """
        connection = self._checked()
        try:
            self._state = _UNDER_WAY
            self._commit(connection)
        except BaseException:
            self._clear()
            raise

    def _commit(self, connection: sqlite3.Connection) -> None:
        if not connection.in_transaction:
            self._clear("failed", phase="body")
            message = f"{self.path}: SQLite rolled the transaction back after an error; run the whole transaction again"
            raise TransactionState(message, database=self.path)
        if not self._log.lock_is_ours():
            self._clear("failed", phase="commit")
            raise self._give_up_log(self._log.lock_lost("nothing was written"))
        if self._log.is_large and self._keep_out is not None:
            self._keep_out()  # COMMIT copies the log, and with writers in between it is never all copied
        try:
            self._execute("COMMIT")
        except sqlite3.Error as error:
            self._clear("failed", code=getattr(error, "sqlite_errorcode", None), phase="commit")
            raise translate_error(error, database=self.path, doing="COMMIT") from error
        ended_ns = monotonic_ns()
        self._admission.leave()  # what follows is not the transaction, and others wait
        self._block = None
        self._state = _IDLE
        kept = self._log.kept()
        self._record("committed" if kept else "failed", code=None, phase=None if kept else "commit", ended_ns=ended_ns)
        if not kept:
            raise self._give_up_log(self._log.moved("what was just written may be lost"))

    def rollback(self) -> None:
        """Undo the open transaction and let the next writer in."""
        self._checked()
        if self._state == _OPEN:
            try:
                self._state = _UNDER_WAY
                self._clear("rolled back", phase="body")
            except BaseException:
                self._state = self._state and _UNDER_WAY
                self._clear("rolled back", phase="body")
                raise

    def write(self, sql: str, parameters: Values = ()) -> int:
        """Run one statement of the registry's own in a write transaction (the open one, if any); the rows changed."""
        connection = self._checked()
        if self._state == _OPEN:
            self._check_task()
            return self._own(sql, parameters).rowcount
        try:
            self._begin(None)
            changed = self._own(sql, parameters).rowcount
            self._commit(connection)
        except BaseException:
            self._clear("rolled back", phase="body")
            raise
        return changed

    def _clear(self, outcome: str = "failed", *, code: int | None = None, phase: str | None = "body") -> None:
        """Undo what is under way, if anything is, and let the next writer in."""
        if self._state != _UNDER_WAY:
            return
        connection = self._connection
        if connection is not None and connection.in_transaction:
            try:
                self._execute("ROLLBACK")
            except sqlite3.Error as error:
                raise translate_error(error, database=self.path, doing="ROLLBACK") from error
        ended_ns = monotonic_ns()
        self._admission.leave()
        self._block = None
        self._state = _IDLE
        self._record(outcome, code=code, phase=phase, ended_ns=ended_ns)

    def _clear_what_was_left(self) -> None:
        """Clear what an exception left in the middle of a clean-up, or refuse a call in the middle of a write.

        The latter is what a signal handler does that uses the registry which it has interrupted.
        """
        from .interrupted import interrupts_one_of

        if interrupts_one_of(_WRITING, self):
            message = (
                f"{self.path}: a write of this registry is under way, and was interrupted by this call, from a signal "
                "handler or an observer; open another registry there"
            )
            raise TransactionState(message, database=self.path)
        self._clear()

    def _check_task(self) -> None:
        """Raise TransactionState in another asyncio task than the one whose transaction is open."""
        if self._task is not None or "asyncio" in sys.modules:
            from .task import check_task

            check_task(self._task, self.path)

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
        self._checked()
        return self._state == _OPEN

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
        """The connection, if it is open, this is the thread and process that opened it, and nothing is under way."""
        if self._pid != os.getpid() or self._thread != get_ident():
            where = "another thread" if self._pid == os.getpid() else "a forked child"
            message = (
                f"{self.path}: this registry was opened elsewhere and is used from {where}; open one registry there"
            )
            raise WrongOwner(message, database=self.path)
        if self._connection is None:
            raise self._closed()
        if self._state:
            if self._state == _UNDER_WAY:
                self._clear_what_was_left()
            elif self._block is None or self._block() is None:
                self._state = _UNDER_WAY
                self._clear()
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

    def _give_up_log(self, message: str) -> DatabaseMoved:
        """Close, because the log or the write lock is no longer ours; what to raise."""
        connection, self._connection = self._connection, None
        self._moved = message
        del self._execute
        if connection is not None:
            self._log.abandon(connection)
        self._admission.close()
        return DatabaseMoved(message, database=self.path)

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


# What is on the stack while something is under way.
_WRITING = {method.__code__ for method in (Database.begin, Database.write, Database.commit, Database.rollback)}
