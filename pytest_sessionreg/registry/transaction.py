"""Several writes in one transaction."""

from __future__ import annotations

from functools import partial
from weakref import ref

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

    __slots__ = ("__weakref__", "_block", "_database", "_joins", "_own", "_patience")

    def __init__(self, database: Database, patience: Patience | None = None, *, joins: bool = False) -> None:
        self._database = database
        self._patience = patience
        self._joins = joins
        self._own = True
        self._block: ref[object] | None = None

    def __enter__(self) -> Self:
        if self._joins and self._database.in_transaction:
            self._own = False
        else:
            block = self._block or ref(self, self._database.end_block)
            self._block = None
            self._database.begin(block, None if self._patience is None else self._patience.seconds)
        return self

    if TYPE_CHECKING:

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
        ) -> None: ...

    else:

        class _Exit:
            """What a `with` statement looks up, and calls at the end of the block: an object that it alone refers to.

            However the block is left, the statement drops that object, also where an exception (out of a signal
            handler, say) comes before the first instruction of `_end`. So the transaction belongs to it: when it is
            gone, the database rolls back. It is not of Python code, for a traceback would refer to its frame.
            """

            def __get__(self, transaction: Transaction | None, kind: type[Transaction]) -> object:
                if transaction is None:
                    return kind._end  # noqa: SLF001  for contextlib.ExitStack, which keeps the transaction instead
                return transaction._end_of_block()  # noqa: SLF001  it is the transaction's own

        __exit__ = _Exit()

    def _end_of_block(self) -> partial[None]:
        end = partial(self._end)
        self._block = ref(end, self._database.end_block)
        return end

    def _end(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self._own:
            return
        if kind is None:
            self._database.commit()
        else:
            self._database.rollback()

    def execute(self, sql: str, parameters: Values = ()) -> Cursor:
        """Run a statement of your own on the same connection, in the same transaction."""
        return self._database.execute(sql, parameters)
