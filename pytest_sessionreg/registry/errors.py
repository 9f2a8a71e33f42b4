"""The registry's error tree: every failure a caller may want to tell apart, chosen by SQLite code, never by text.

Codes: https://www.sqlite.org/rescode.html. Extended codes are masked with 0xff to get the primary one.
"""

from __future__ import annotations

import errno
import os
import sqlite3

from ..error_base import InvalidArgument, SessionregError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .holder import Holder

__all__ = [
    "CannotOpen",
    "DatabaseBusy",
    "DatabaseCorrupt",
    "DatabaseMoved",
    "DatabaseReadOnly",
    "DiskFull",
    "InvalidValue",
    "NotARegistry",
    "NotFound",
    "RefusedInTest",
    "RegistryClosed",
    "RegistryError",
    "SchemaTooNew",
    "StorageError",
    "TransactionState",
    "UnsafeFileSystem",
    "WriteTimeout",
    "WrongOwner",
    "primary_code",
    "translate_error",
]


class RegistryError(SessionregError):
    """Base of every error of the registry.

    `database` is the path of the file concerned, empty where none is. `code` is SQLite's extended result code, None
    when SQLite had no part in it.
    """

    def __init__(self, message: str, *, database: str, code: int | None = None) -> None:
        super().__init__(message)
        self.database = database
        self.code = code


class CannotOpen(RegistryError):
    """The file or its directory is missing, or may not be opened (SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH)."""


class UnsafeFileSystem(CannotOpen):
    """The file lies on a network or virtual file system, where WAL corrupts databases."""


class NotARegistry(CannotOpen):
    """The file is an SQLite database, but another application's."""


class RefusedInTest(CannotOpen):
    """The file is the user's own registry, and this process belongs to a test that has not said that it means it."""


class SchemaTooNew(CannotOpen):
    """The file was migrated by a newer version of this package."""


class DatabaseBusy(RegistryError):
    """Another connection held a lock for as long as we were ready to wait (primary code 5), outside a write."""


class DatabaseMoved(RegistryError):
    """The file was replaced or moved aside since this registry opened it; what it would write nobody would read."""


class DatabaseReadOnly(RegistryError):
    """The file or its directory may not be written (SQLITE_READONLY)."""


class DatabaseCorrupt(RegistryError):
    """The file is damaged or is not a database (SQLITE_CORRUPT, SQLITE_NOTADB). Final: never retried."""


class DiskFull(RegistryError):
    """No space is left for the database or its log (SQLITE_FULL)."""


class StorageError(RegistryError):
    """Any other SQLite failure: an I/O error, a protocol error, an internal one."""


class TransactionState(RegistryError):
    """A transaction was begun inside another, or was ended by SQLite before its own end."""


class RegistryClosed(RegistryError):
    """The registry was used after `close()`."""


class WrongOwner(RegistryError):
    """The registry was used from another thread, or after a fork, than the one that opened it."""


class InvalidValue(RegistryError, InvalidArgument):
    """An argument has a type or a value that the registry does not store. Nothing was written.

    `field` names it, `value` is what was given.
    """

    def __init__(self, field: str, value: object, rule: str) -> None:
        from reprlib import repr as short_repr  # a value may be large, or nested too deeply for the real one

        try:
            shown = short_repr(value)
        except Exception:  # noqa: BLE001  the repr of a caller's own object, or of a number of too many digits
            shown = f"<{type(value).__name__} without a repr>"
        super().__init__(f"{field}={shown}: {rule}; nothing was written", database="")
        self.field = field
        self.value = value


class NotFound(RegistryError, LookupError):
    """A write refers to a row that does not exist, or no longer. Nothing was written."""


class WriteTimeout(RegistryError):
    """The admission policy gave up before it had the write lock. Nothing was written.

    `waited_s` is the time from the first attempt, `busy` how many BEGIN IMMEDIATE returned SQLITE_BUSY (None under
    BusyTimeout, where SQLite retries unseen), `phase` where it gave up: "queue" (in line behind other writers) or
    "begin" (at SQLite's lock), `place` how many writers were ahead in the queue (None outside a queue), `holder` who
    kept it waiting (None where that cannot be known).
    """

    def __init__(
        self,
        message: str,
        *,
        database: str,
        waited_s: float,
        busy: int | None,
        phase: str,
        place: int | None = None,
        holder: Holder | None = None,
    ) -> None:
        super().__init__(message, database=database, code=sqlite3.SQLITE_BUSY)
        self.waited_s = waited_s
        self.busy = busy
        self.phase = phase
        self.place = place
        self.holder = holder


_BY_PRIMARY_CODE: dict[int, tuple[type[RegistryError], str]] = {
    sqlite3.SQLITE_PERM: (CannotOpen, "check the permissions of the file and its directory"),
    sqlite3.SQLITE_BUSY: (DatabaseBusy, "find the process that holds the lock, or wait and try again"),
    sqlite3.SQLITE_READONLY: (DatabaseReadOnly, "make the file and its directory writable"),
    sqlite3.SQLITE_IOERR: (StorageError, "check the disk and the kernel log"),
    sqlite3.SQLITE_CORRUPT: (
        DatabaseCorrupt,
        "do not retry: `sessionreg doctor --quarantine` moves it aside, then restore a backup",
    ),
    sqlite3.SQLITE_FULL: (DiskFull, "free some space on the file system and try again"),
    sqlite3.SQLITE_CANTOPEN: (CannotOpen, "check that the directory exists and is writable"),
    sqlite3.SQLITE_AUTH: (CannotOpen, "check the permissions of the file and its directory"),
    sqlite3.SQLITE_NOTADB: (DatabaseCorrupt, "name an SQLite database or a path where none exists yet"),
}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of `error`; 0 where the sqlite3 module itself raised it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def translate_error(error: sqlite3.Error, *, database: str, doing: str) -> RegistryError:
    """The RegistryError for an sqlite3 error: what was done to which file, SQLite's word for it, the remedy."""
    kind, remedy = _BY_PRIMARY_CODE.get(primary_code(error), (StorageError, "report it with the SQLite version"))
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        kind, remedy = NotFound, "register the session, or the run, that it refers to first"
    if kind is CannotOpen and _out_of_descriptors():
        remedy = "this process has no file descriptor left: close files, or raise `ulimit -n`"
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return kind(f"{database}: {doing} failed with {name} ({error}); {remedy}", database=database, code=code)


def _out_of_descriptors() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False
