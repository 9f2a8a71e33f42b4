"""What all stores are made of: the open database and the workspace they speak for."""

from __future__ import annotations

from .transaction import Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Database, Values
    from .table import Table

__all__ = ["Store"]


class Store:
    """One table family of one workspace.

    Every change is a transaction of its own unless `registry.transaction()` is open, which it joins then. Reads take no
    lock.
    """

    __slots__ = ("_database", "_workspace")

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    def _write(self, sql: str, parameters: Values) -> int:
        """Run one statement; the rows changed. Raises NotFound where a row that it refers to is missing."""
        return self._database.write(sql, parameters)

    def _read(self, sql: str, parameters: Values) -> list[Any]:
        return self._database.read(sql, parameters)

    def _row(self, table: Table[Any], **values: Any) -> dict[str, Any]:
        """A caller's values, checked, as the parameters by name of a statement, with those of this workspace."""
        row = table.check_all(values)
        row["workspace_id"] = self._workspace
        return row

    def _joining(self) -> Transaction:
        """A context in which several statements are one change."""
        return Transaction(self._database, joins=True)
