"""The learning store: what each session has learned, as one JSON value; it outlives the session."""

from __future__ import annotations

from ..clock import from_text, now
from ..store import Store, converted
from ..values import identifier, json_text, json_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it
    from typing import Any

    from ..records.learning_state import LearningState

__all__ = ["Learning"]

_SELECT = "SELECT session_id, state, updated_at FROM learning WHERE workspace_id = ?"


class Learning(Store):
    """`registry.learning`. A session need not be registered: Orbit resumes sessions that ended long ago."""

    __slots__ = ()

    def put(self, session_id: str, state: Any) -> None:
        """Set the session's state: whatever JSON can hold."""
        self._write(
            "INSERT INTO learning (workspace_id, session_id, state, updated_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (workspace_id, session_id) "
            "DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at",
            (self._workspace, identifier("session_id", session_id), json_text("state", state), now()),
        )

    def get(self, session_id: str) -> LearningState | None:
        """The session's state, or None where there is none."""
        rows = self._read(_SELECT + " AND session_id = ?", (self._workspace, identifier("session_id", session_id)))
        return _state(rows[0]) if rows else None

    def list(self) -> List[LearningState]:
        """All states, the one longest untouched first."""
        return [_state(row) for row in self._read(_SELECT + " ORDER BY updated_at, session_id", (self._workspace,))]

    def remove(self, session_id: str) -> bool:
        """Forget the session's state; False if there was none."""
        return (
            self._write(
                "DELETE FROM learning WHERE workspace_id = ? AND session_id = ?",
                (self._workspace, identifier("session_id", session_id)),
            )
            > 0
        )


_STATE_CONVERSIONS = ((1, json_value), (2, from_text))


def _state(row: tuple[Any, ...]) -> LearningState:
    from ..records.learning_state import (
        LearningState,
    )  # here, because dataclasses cost a cold start more than SQLite does

    return LearningState(*converted(row, _STATE_CONVERSIONS))
