"""Registry: one file of sessions that many processes share."""

from __future__ import annotations

from .database import Database
from .location import resolve
from .migrations import migrate
from .stores.sessions import Sessions
from .transaction import Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from .admission.policy import AdmissionPolicy, Observer

__all__ = ["Registry"]


class Registry:
    """An open session registry. It belongs to the thread and the process that opened it; open one in each.

    `path` is the absolute path of the database file, `sessions` the sessions store.
    """

    __slots__ = ("_database", "path", "sessions")

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path
        self.sessions = Sessions(database)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        policy: AdmissionPolicy | None = None,
        observer: Observer | None = None,
    ) -> Registry:
        """Open the registry at `path`, creating and migrating it if need be.

        path: default `$SESSIONREG_DB`, else `sessions.db` in the per-user state directory. policy: how writers get the
        write lock, by default `WriteQueue()`. observer: called with one WriteRecord after every write. A settled file
        is opened without the write lock. Raises CannotOpen and its kinds, DatabaseCorrupt, DatabaseReadOnly,
        DatabaseBusy, DiskFull or WriteTimeout.
        """
        if policy is None:
            from .admission.write_queue import WriteQueue

            policy = WriteQueue()
        database = Database(resolve(path), policy=policy, observer=observer)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def transaction(self) -> Transaction:
        """Several stores in one BEGIN IMMEDIATE: `with registry.transaction(): ...` writes all of it or nothing."""
        return Transaction(self._database)

    def close(self) -> None:
        """Close the registry, rolling back an open transaction; a second call does nothing."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
