"""Several writes in one transaction."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .database import Cursor, Database, Parameters
    from .patience import Patience

__all__ = ["Joined", "Transaction"]


class Transaction:
    """The context manager of `registry.transaction()`: commits at the end of the block, rolls back if it raises.

    Every store of the registry writes into it while it is open. Entering raises WriteTimeout when the admission policy
    gives up.
    """

    __slots__ = ("_database", "_patience")

    def __init__(self, database: Database, patience: float | None) -> None:
        self._database = database
        self._patience: Patience | None = None
        if patience is not None:
            from .patience import Patience

            self._patience = Patience(database, patience)

    def __enter__(self) -> Self:
        if self._patience is None:
            self._database.begin()
        else:
            with self._patience:
                self._database.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._database.commit()
        else:
            self._database.rollback()

    def execute(self, sql: str, parameters: Parameters = ()) -> Cursor:
        """Run a statement of your own on the same connection, in the same transaction."""
        return self._database.execute(sql, parameters)


class Joined:
    """Several statements of one store: part of the open transaction if there is one, else one of their own."""

    __slots__ = ("_database", "_own")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = False

    def __enter__(self) -> None:
        self._own = not self._database.in_transaction
        if self._own:
            self._database.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._own:
            return
        if kind is None:
            self._database.commit()
        else:
            self._database.rollback()
