"""The worktrees store: which child works on whose behalf, and what came of it.

For example:

    registry.worktrees.link("s-2", "s-1", purpose="fix the flaky test")
    registry.worktrees.record_result("s-2", "merged", {"commits": 2})
    assert [child.result_status for child in registry.worktrees.children("s-1")] == ["merged"]
"""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, json_text, json_value, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Worktree", "Worktrees"]


class Worktree(Record):
    """A child session in a work tree of its own, linked to the parent that sent it there.

    child_id: the child session.
    parent_id: the parent session.
    purpose: as given.
    linked_at: aware instant.
    result_status: what the child reported, None until it did.
    result_payload: what the child reported: whatever JSON can hold, None until it did.
    finished_at: aware instant, None until the result came.
    """

    child_id: str = field(identifier)
    parent_id: str = field(identifier)
    purpose: str | None = field(text)
    linked_at: datetime = field(convert=from_text)
    result_status: str | None = field(identifier)
    result_payload: Any = field(json_text, json_value)
    finished_at: datetime | None = field(convert=from_text)


_LINKS = Table("worktrees", Worktree)
_SELECT = f"SELECT {_LINKS.columns} FROM worktrees WHERE workspace_id = ?"
_LINK = (
    f"INSERT INTO worktrees (workspace_id, {_LINKS.columns}) VALUES (:workspace_id, {_LINKS.values}) "
    f"ON CONFLICT (workspace_id, child_id) DO UPDATE SET {_LINKS.replacements('child_id')}"
)


class Worktrees(Store):
    """`registry.worktrees`. A link goes when either of its sessions does."""

    __slots__ = ()

    def link(self, child_id: str, parent_id: str, *, purpose: str | None = None) -> None:
        """Link a child session to its parent. A child that is linked already moves, and its result is forgotten.

        Raises NotFound for a session that is not registered.
        """
        values = self._row(_LINKS, child_id=child_id, parent_id=parent_id, purpose=purpose)
        self._write(_LINK, {**_LINKS.empty(), **values, "linked_at": now()})

    def record_result(self, child_id: str, status: str, payload: Any = None) -> bool:
        """Keep what the child reports; False if it is not linked. payload: whatever JSON can hold."""
        return (
            self._write(
                "UPDATE worktrees SET result_status = ?, result_payload = ?, finished_at = ? "
                "WHERE workspace_id = ? AND child_id = ?",
                (
                    identifier("status", status),
                    json_text("payload", payload),
                    now(),
                    self._workspace,
                    identifier("child_id", child_id),
                ),
            )
            > 0
        )

    def get(self, child_id: str) -> Worktree | None:
        """The child's link, or None."""
        return _LINKS.first(
            self._read(_SELECT + " AND child_id = ?", (self._workspace, identifier("child_id", child_id)))
        )

    def children(self, parent_id: str) -> list[Worktree]:
        """The parent's children, the first linked first."""
        in_order = " AND parent_id = ? ORDER BY linked_at, child_id"
        return _LINKS.records(self._read(_SELECT + in_order, (self._workspace, identifier("parent_id", parent_id))))
