"""What all stores are made of: the open file and the workspace they speak for."""

from __future__ import annotations

from .transaction import Joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .sqlite.database import Database

    Conversions = Sequence[tuple[int, Callable[[Any], Any]]]

__all__ = ["Store", "converted"]


def converted(row: Sequence[Any], conversions: Conversions) -> list[Any]:
    """The columns of a row, those at the given positions turned from stored text into the API's values."""
    values = list(row)
    for position, convert in conversions:
        values[position] = convert(values[position])
    return values


class Store:
    """One table family of one workspace.

    Every change is a transaction of its own unless `registry.transaction()` is open, which it joins then. Reads take no
    lock.
    """

    __slots__ = ("_database", "_workspace")

    def __init__(self, database: Database, workspace: str) -> None:
        self._database = database
        self._workspace = workspace

    def _write(self, sql: str, parameters: Sequence[Any]) -> int:
        """Run one statement; the rows changed. Raises NotFound where a row that it refers to is missing."""
        return self._database.write(sql, parameters)

    def _read(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        return self._database.read(sql, parameters)

    def _joined(self) -> Joined:
        """A context in which several statements are one change."""
        return Joined(self._database)
