"""Registry: one file of sessions that many processes share."""

from __future__ import annotations

from .location import resolve
from .migrations import migrate
from .patience import Patience
from .sqlite.database import Database
from .transaction import Transaction
from .values import identifier
from .workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from .all_workspaces import AllWorkspaces
    from .sqlite.admission.policy import AdmissionPolicy, Observer

__all__ = ["DEFAULT_WORKSPACE", "Registry"]

DEFAULT_WORKSPACE = "default"


class Registry(Workspace):
    """An open session registry, as one workspace sees it. It belongs to the thread and the process that opened it.

    `path` is the absolute path of the database file; the stores are attributes (see Workspace).
    """

    _database: Database

    def __init__(self, database: Database, workspace_id: str) -> None:
        super().__init__(database, workspace_id)
        self.path = database.path

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        workspace: str = DEFAULT_WORKSPACE,
        policy: AdmissionPolicy | None = None,
        observer: Observer | None = None,
    ) -> Registry:
        """Open the registry at `path`, creating and migrating it if need be.

        path: default `$SESSIONREG_DB`, else `sessions.db` in the per-user state directory. workspace: whose rows the
        stores see. policy: how writers get the write lock, by default `WriteQueue()`. observer: called with one
        WriteRecord after every write. A settled file is opened without the write lock. Raises CannotOpen and its kinds,
        DatabaseCorrupt, DatabaseReadOnly, DatabaseBusy, DiskFull, WriteTimeout or InvalidValue.
        """
        identifier("workspace", workspace)
        if policy is None:
            from .sqlite.admission.write_queue import WriteQueue

            policy = WriteQueue()
        database = Database(resolve(path), policy=policy, observer=observer)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database, workspace)

    def all_workspaces(self) -> AllWorkspaces:
        """The view across workspaces."""
        from .all_workspaces import AllWorkspaces

        return AllWorkspaces(self._database)

    def transaction(self, *, patience: float | None = None) -> Transaction:
        """Several stores in one BEGIN IMMEDIATE: `with registry.transaction(): ...` writes all of it or nothing.

        patience: for how many seconds to wait for the write lock, by default as long as the policy does.
        """
        return Transaction(self._database, None if patience is None else Patience(self._database, patience))

    def patience(self, patience: float) -> Patience:
        """Wait so many seconds for the write lock instead of the policy's: `with registry.patience(0.5): ...`.

        Every write in the block has the whole patience to itself. Writes raise InvalidValue under a policy that does
        not count in seconds (RetryBudget, BusyTimeout).
        """
        return Patience(self._database, patience)

    def close(self) -> None:
        """Close the registry, rolling back an open transaction; a second call does nothing."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
