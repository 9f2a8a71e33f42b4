"""An old store's SQLite file, read without leaving anything beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import quote

from ..errors import RegistryError, translate_error
from ..sqlite.schema import APPLICATION_ID
from .errors import UnreadableSource

__all__ = ["Tables", "columns_by_table", "read_only", "source_error"]

T = TypeVar("T")
# The columns of each table, by its name.
Tables = dict[str, set[str]]

_PATIENCE_S = 5.0


@contextmanager
def _open(path: str, *, immutable: bool) -> Iterator[sqlite3.Connection]:
    """The database, in one read transaction. Text that is no UTF-8 comes as lone surrogates, which are malformed."""
    uri = f"file:{quote(os.fsencode(path))}?mode=ro{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)
    try:
        connection.text_factory = lambda stored: stored.decode(errors="surrogateescape")
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def read_only(path: str, read: Callable[[sqlite3.Connection], T]) -> T:
    """What `read` finds, leaving nothing beside the file.

    A reader of a WAL database leaves a -wal and a -shm behind. So a database that nobody has open is read as an
    immutable one; if it has changed by the end, it is read again with SQLite's locks.
    """
    before = _state(path)
    if before is not None:
        try:
            with _open(path, immutable=True) as connection:
                found = read(connection)
        except sqlite3.Error:
            if _state(path) == before:
                raise
        else:
            if _state(path) == before:
                return found
    with _open(path, immutable=False) as connection:
        return read(connection)


def _state(path: str) -> tuple[int, int, int, int] | None:
    """What a writer would change; None where a sidecar says that there may be one."""
    if any(os.path.exists(path + sidecar) for sidecar in ("-wal", "-shm", "-journal")):
        return None
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def columns_by_table(connection: sqlite3.Connection) -> Tables:
    """The columns of each table, in small letters; none in a registry of ours, which is no old store."""
    ((application,),) = connection.execute("PRAGMA application_id")
    if application == APPLICATION_ID:
        return {}
    rows = connection.execute(
        "SELECT lower(t.name), lower(c.name) FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c "
        "WHERE t.type = 'table'"
    )
    found: Tables = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def source_error(error: sqlite3.Error, path: str) -> RegistryError:
    """Our error for a database that SQLite does not read."""
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK:
        reason = "a crash left it inside a transaction; open it once with its own program, which undoes that"
        return UnreadableSource(f"{reason}, then import again; nothing was imported", file=path)
    return translate_error(error, database=path, doing="reading the source")
