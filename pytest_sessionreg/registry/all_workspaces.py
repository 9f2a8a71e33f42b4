"""The view across workspaces: reading another one's rows takes asking for it by name."""

from __future__ import annotations

from .values import identifier
from .workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .database import Database

__all__ = ["AllWorkspaces"]


class AllWorkspaces:
    """`registry.all_workspaces()`. Iterating yields a Workspace each, by id."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def ids(self) -> list[str]:
        """The ids of all workspaces that have a row, sorted."""
        found: set[str] = set()
        for table in self._database.workspace_tables():
            after = ""
            # a skip scan: one indexed search per workspace, however many rows each has
            while rows := self._database.read(
                f"SELECT workspace_id FROM {table} WHERE workspace_id > ? ORDER BY workspace_id LIMIT 1", (after,)
            ):
                ((after,),) = rows
                found.add(after)
        return sorted(found)

    def workspace(self, workspace_id: str) -> Workspace:
        """The stores of another workspace, on the same connection and in the same transactions."""
        return Workspace(self._database, identifier("workspace_id", workspace_id))

    def __iter__(self) -> Iterator[Workspace]:
        for workspace_id in self.ids():
            yield self.workspace(workspace_id)
