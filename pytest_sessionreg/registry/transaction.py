"""Several writes in one transaction."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .database import Cursor, Database, Values
    from .patience import Patience

__all__ = ["Transaction"]


class Transaction:
    """The context manager of `registry.transaction()`: commits at the end of the block, rolls back if it raises.

    Every store of the registry writes into it while it is open. Entering raises WriteTimeout when the admission policy
    gives up.

    patience: how long to wait for the write lock; by default as long as the policy does.
    joins: whether the block is part of a transaction that is open already, which then neither commits nor rolls back.
    """

    __slots__ = ("_database", "_joins", "_own", "_patience")

    def __init__(self, database: Database, patience: Patience | None = None, *, joins: bool = False) -> None:
        self._database = database
        self._patience = patience
        self._joins = joins
        self._own = True

    def __enter__(self) -> Self:
        if self._joins and self._database.in_transaction:
            self._own = False
        elif self._patience is None:
            self._database.begin()
        else:
            with self._patience:
                self._database.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._own:
            return
        if kind is None:
            self._database.commit()
        else:
            self._database.rollback()

    def execute(self, sql: str, parameters: Values = ()) -> Cursor:
        """Run a statement of your own on the same connection, in the same transaction."""
        return self._database.execute(sql, parameters)
