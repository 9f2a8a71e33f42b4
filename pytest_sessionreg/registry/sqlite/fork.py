"""What becomes of open connections in a forked child: nothing, for SQLite forbids to use them there, or to close them.

See https://www.sqlite.org/howtocorrupt.html, 2.6, and docs/field-failures.md#a-connection-carried-across-a-fork.
"""

from __future__ import annotations

import os
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Protocol

    class OpenDatabase(Protocol):
        """Whatever has a connection open, which is None once it is closed."""

        @property
        def connection(self) -> sqlite3.Connection | None: ...


__all__ = ["discard_after_fork"]

_open_databases: weakref.WeakSet[OpenDatabase] = weakref.WeakSet()
# The parent's connections in a child: kept, because the last reference to one would close it.
_discarded: list[sqlite3.Connection] = []


def discard_after_fork(database: OpenDatabase) -> None:
    """Keep the connection of `database` from being closed in children that this process forks."""
    _open_databases.add(database)


def _after_fork_in_child() -> None:
    connections = [database.connection for database in list(_open_databases)]
    _discarded.extend(connection for connection in connections if connection is not None)
    if _discarded:
        import atexit

        atexit.register(_outlive_the_interpreter)


def _outlive_the_interpreter() -> None:
    """Take one reference to each that nobody gives back: a child that ends by itself clears its modules."""
    import ctypes

    for connection in _discarded:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
