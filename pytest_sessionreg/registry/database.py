"""What the registry asks of a database. Loaded by type checkers alone; `sqlite.database` is the one implementation.

Stores write SQL with `?` or `:name` for values. Each statement that changes something runs in a write transaction that
excludes every other writer of the file: one of its own, or the one that is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from weakref import ref

__all__ = ["Cursor", "Database", "Values"]

# Of a statement with `?`, or with `:name`.
Values = Sequence[Any] | Mapping[str, Any]


class Cursor(Protocol):
    """The result of a statement, as PEP 249 has it."""

    @property
    def rowcount(self) -> int:
        """The rows changed."""

    @property
    def description(self) -> Any:
        """Seven values a column, of which the first is its name; None where there are no columns."""

    def fetchone(self) -> Any:
        """The next row; None where there is none."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left, one by one."""


class Database(Protocol):
    """An open database.

    patience_s: for how many seconds a writer waits; None for as long as the implementation's own policy says.

    Every method raises RegistryClosed after `close`, WrongOwner away from the thread and the process that opened it,
    and a RegistryError for what the database refuses.
    """

    patience_s: float | None

    @property
    def path(self) -> str:
        """Where the database is."""

    @property
    def in_transaction(self) -> bool:
        """Whether a write transaction is open."""

    def begin(self, block: ref[object], patience_s: float | None = None, /) -> None:
        """Open a write transaction that belongs to `block`, to whose end `end_block` is the callback.

        patience_s: how long to wait, instead of the database's own. Raises WriteTimeout, or TransactionState if a
        transaction is open.
        """

    def end_block(self, block: ref[object], /) -> None:
        """Roll back, if the transaction of `block`, which is gone, is still open."""

    def commit(self) -> None:
        """Make what the transaction wrote last. When it raises, nothing was written."""

    def rollback(self) -> None:
        """Undo what the transaction wrote."""

    def execute(self, sql: str, parameters: Values = ..., /) -> Cursor:
        """Run a statement of a caller's own inside the open transaction; the driver's errors pass through."""

    def write(self, sql: str, parameters: Values = ..., /) -> int:
        """Run a statement in the open transaction, or in one of its own; the rows changed.

        Raises NotFound where it refers to a row that is missing.
        """

    def read(self, sql: str, parameters: Values = ..., /) -> list[Any]:
        """All rows of a query, without keeping any writer waiting."""

    def schema_version(self) -> int:
        """The number of the newest migration that was applied; 0 for a new database. Raises SchemaTooNew."""

    def migrate(self, sql: str, version: int) -> None:
        """Run a migration's statements inside the open transaction, and record that it is applied."""

    def workspace_tables(self) -> list[str]:
        """The tables with a workspace_id that does not refer to another table's: where a workspace may show."""

    def close(self) -> None:
        """Roll back what is open and close; a second call does nothing."""
