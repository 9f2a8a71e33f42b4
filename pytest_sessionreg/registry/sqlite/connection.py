"""The open sequence: how a connection comes to be ready, one function per step, in the only order that works.

The order is load-bearing: a timeout before the switch to WAL, because openers race for recovery and for the switch; the
version read before any write, because a settled database must open without the write lock
(docs/field-failures.md#opening-fails).
"""

from __future__ import annotations

import os
import sqlite3
from time import monotonic, sleep

from ..errors import CannotOpen, DatabaseBusy, DatabaseCorrupt, primary_code, translate_error
from ..location import create_private
from .filesystem import is_mount_point, refuse_unsafe

__all__ = ["LOG_LIMIT_BYTES", "OPEN_PATIENCE_S", "open_connection", "set_busy_timeout"]

# SQLite's own busy handler while opening: recovery after a crash holds everybody off (SQLITE_BUSY_RECOVERY).
OPEN_PATIENCE_S = 5.0
# Twice what the log grows to by itself: SQLite checkpoints it at 1,000 pages, 4 MB, in the COMMIT that reaches them and
# so in the line; no other size has a better tail (reports/write-queue/checkpoints.md).
LOG_LIMIT_BYTES = 8 << 20
# One page of the smallest size (https://www.sqlite.org/fileformat2.html, 1.3.2).
_SMALLEST_DATABASE = 512


def open_connection(path: str) -> sqlite3.Connection:
    """A connection to `path`, created if missing: timeout, WAL, synchronous, foreign keys, in this order.

    The schema is not touched. Where another opener is in the way the whole sequence is run again, for OPEN_PATIENCE_S
    seconds: SQLite answers SQLITE_BUSY at once when two connections switch a new file to WAL.
    """
    refuse_unsafe(path)
    if not create_private(path):
        refuse_unfit_file(path)
    deadline = monotonic() + OPEN_PATIENCE_S
    while True:
        connection = connect(path)
        try:
            set_busy_timeout(connection, OPEN_PATIENCE_S)
            switch_to_wal(connection, path)
            set_synchronous_normal(connection)
            enforce_foreign_keys(connection)
            forbid_memory_map(connection)
            limit_the_log(connection)
        except sqlite3.Error as error:
            connection.close()
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                raise translate_error(error, database=path, doing="opening it") from error
            if monotonic() >= deadline:
                message = (
                    f"{path}: another process kept it locked for {OPEN_PATIENCE_S:g} s; find that process and end it"
                )
                raise DatabaseBusy(message, database=path, code=error.sqlite_errorcode) from error
            from random import uniform  # here, because a settled open never needs it and hooks start cold

            sleep(uniform(0.001, 0.010))
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def refuse_unfit_file(path: str) -> None:
    """Raise DatabaseCorrupt for a file too short to be a database, which SQLite takes for empty and overwrites; and
    CannotOpen for one with several names: each has a log of its own, of which the others know nothing
    (https://www.sqlite.org/howtocorrupt.html, 2.5).
    """
    status = os.stat(path)
    if 0 < status.st_size < _SMALLEST_DATABASE:
        remedy = "name an SQLite database or a path where none exists yet"
        message = f"{path}: its {status.st_size} bytes are no database; {remedy}"
        raise DatabaseCorrupt(message, database=path, code=sqlite3.SQLITE_NOTADB)
    if status.st_nlink > 1:
        message = (
            f"{path}: has {status.st_nlink} names (hard links), and each would have a log of its own, which loses "
            "writes; remove the others, or use symbolic links"
        )
        raise CannotOpen(message, database=path)
    if is_mount_point(path):
        message = (
            f"{path}: is mounted by itself, without its log, which loses writes; "
            "mount its directory (docker -v DIRECTORY:...)"
        )
        raise CannotOpen(message, database=path)


def connect(path: str) -> sqlite3.Connection:
    """The bare connection, in autocommit mode: every BEGIN is ours."""
    try:
        return sqlite3.connect(path, timeout=OPEN_PATIENCE_S, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        if os.access(path, os.R_OK):
            raise translate_error(error, database=path, doing="opening it") from error
        message = f"{path}: cannot be opened; check the permissions of the file and its directory"
        raise CannotOpen(message, database=path, code=getattr(error, "sqlite_errorcode", None)) from error


def set_busy_timeout(connection: sqlite3.Connection, seconds: float) -> None:
    """How long SQLite itself waits for a lock before it answers SQLITE_BUSY
    (https://www.sqlite.org/c3ref/busy_timeout.html).
    """
    connection.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")


def switch_to_wal(connection: sqlite3.Connection, path: str) -> None:
    """Write-ahead log, so that readers and one writer do not block each other; a settled file only reads its header."""
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        message = f"{path}: SQLite keeps journal mode {mode!r} here; choose a path on a local disk that supports WAL"
        raise CannotOpen(message, database=path)


def set_synchronous_normal(connection: sqlite3.Connection) -> None:
    """No fsync per commit: in WAL a power cut may undo the last commits, a process crash none
    (https://www.sqlite.org/wal.html).
    """
    connection.execute("PRAGMA synchronous=NORMAL")


def enforce_foreign_keys(connection: sqlite3.Connection) -> None:
    """Rows that belong to a session go with it; SQLite leaves the constraints off unless asked."""
    connection.execute("PRAGMA foreign_keys=ON")


def forbid_memory_map(connection: sqlite3.Connection) -> None:
    """No memory-mapped I/O: see docs/field-failures.md#memory-mapped-io."""
    connection.execute("PRAGMA mmap_size=0")


def limit_the_log(connection: sqlite3.Connection) -> None:
    """The file of the write-ahead log is cut back to LOG_LIMIT_BYTES when it starts anew after a reader had kept it
    from being checkpointed (docs/field-failures.md#a-reader-that-stays).
    """
    connection.execute(f"PRAGMA journal_size_limit={LOG_LIMIT_BYTES}")
