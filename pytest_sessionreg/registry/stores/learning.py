"""The learning store: one JSON value per session, which outlives it.

For example:

    registry.learning.put("s-1", {"injected": ["use-rg"], "declined": []})
    assert registry.learning.get("s-1").state["injected"] == ["use-rg"]
"""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, json_text, json_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it
    from typing import Any

__all__ = ["Learning", "LearningState"]


class LearningState(Record):
    """What a session has learned.

    session_id: the session's.
    state: whatever JSON can hold.
    updated_at: aware instant.
    """

    session_id: str = field(identifier)
    state: Any = field(json_text, json_value)
    updated_at: datetime = field(convert=from_text)


_STATES = Table("learning", LearningState)
_SELECT = f"SELECT {_STATES.columns} FROM learning WHERE workspace_id = ?"
_PUT = (
    f"INSERT INTO learning (workspace_id, {_STATES.columns}) VALUES (:workspace_id, {_STATES.values}) "
    f"ON CONFLICT (workspace_id, session_id) DO UPDATE SET {_STATES.replacements('session_id')}"
)


class Learning(Store):
    """`registry.learning`. A session need not be registered: Orbit resumes sessions that ended long ago."""

    __slots__ = ()

    def put(self, session_id: str, state: Any) -> None:
        """Set the session's state: whatever JSON can hold."""
        values = self._row(_STATES, session_id=session_id, state=state)
        values["updated_at"] = now()
        self._write(_PUT, values)

    def get(self, session_id: str) -> LearningState | None:
        """The session's state, or None where there is none."""
        return _STATES.first(
            self._read(_SELECT + " AND session_id = ?", (self._workspace, identifier("session_id", session_id)))
        )

    def list(self) -> List[LearningState]:
        """All states, the one longest untouched first."""
        return _STATES.records(self._read(_SELECT + " ORDER BY updated_at, session_id", (self._workspace,)))

    def remove(self, session_id: str) -> bool:
        """Forget the session's state; False if there was none."""
        return (
            self._write(
                "DELETE FROM learning WHERE workspace_id = ? AND session_id = ?",
                (self._workspace, identifier("session_id", session_id)),
            )
            > 0
        )
