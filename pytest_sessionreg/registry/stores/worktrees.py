"""The work trees store: which child session works where, on whose behalf, and what came of it."""

from __future__ import annotations

from ..clock import from_optional, from_text, now
from ..store import Store, converted
from ..values import identifier, json_text, optional_json, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..records.worktree import Worktree

__all__ = ["Worktrees"]

_SELECT = (
    "SELECT child_id, parent_id, purpose, linked_at, result_status, result_payload, finished_at FROM worktrees "
    "WHERE workspace_id = ?"
)


class Worktrees(Store):
    """`registry.worktrees`. A link goes when either of its sessions does."""

    __slots__ = ()

    def link(self, child_id: str, parent_id: str, *, purpose: str | None = None) -> None:
        """Link a child session to its parent. A child that is linked already moves, and its result is forgotten.

        Raises NotFound for a session that is not registered.
        """
        self._write(
            "INSERT INTO worktrees (workspace_id, child_id, parent_id, purpose, linked_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (workspace_id, child_id) "
            "DO UPDATE SET parent_id = excluded.parent_id, purpose = excluded.purpose, linked_at = excluded.linked_at, "
            "result_status = NULL, result_payload = NULL, finished_at = NULL",
            (
                self._workspace,
                identifier("child_id", child_id),
                identifier("parent_id", parent_id),
                None if purpose is None else text("purpose", purpose),
                now(),
            ),
        )

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
        rows = self._read(_SELECT + " AND child_id = ?", (self._workspace, identifier("child_id", child_id)))
        return _worktree(rows[0]) if rows else None

    def children(self, parent_id: str) -> list[Worktree]:
        """The parent's children, the first linked first."""
        rows = self._read(
            _SELECT + " AND parent_id = ? ORDER BY linked_at, child_id",
            (self._workspace, identifier("parent_id", parent_id)),
        )
        return [_worktree(row) for row in rows]


_WORKTREE_CONVERSIONS = ((3, from_text), (5, optional_json), (6, from_optional))


def _worktree(row: tuple[Any, ...]) -> Worktree:
    from ..records.worktree import Worktree  # here, because dataclasses cost a cold start more than SQLite does

    return Worktree(*converted(row, _WORKTREE_CONVERSIONS))
