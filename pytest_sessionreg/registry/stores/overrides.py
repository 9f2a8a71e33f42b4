"""The overrides store: a session's own settings, gone with it.

For example:

    registry.overrides.set("s-1", "model", {"name": "large", "effort": 3})
    assert registry.overrides.get("s-1", "model").value["effort"] == 3
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

__all__ = ["Override", "Overrides"]


class Override(Record):
    """A session's own value for a key.

    session_id: whose it is.
    key: unique in the session.
    value: whatever JSON can hold.
    updated_at: aware instant.
    """

    session_id: str = field(identifier)
    key: str = field(identifier)
    value: Any = field(json_text, json_value)
    updated_at: datetime = field(convert=from_text)


_OVERRIDES = Table("overrides", Override)
_SELECT = f"SELECT {_OVERRIDES.columns} FROM overrides WHERE workspace_id = ? AND session_id = ?"
_SET = (
    f"INSERT INTO overrides (workspace_id, {_OVERRIDES.columns}) VALUES (:workspace_id, {_OVERRIDES.values}) "
    f"ON CONFLICT (workspace_id, session_id, key) DO UPDATE SET {_OVERRIDES.replacements('session_id', 'key')}"
)


class Overrides(Store):
    """`registry.overrides`. A value is whatever JSON can hold."""

    __slots__ = ()

    def set(self, session_id: str, key: str, value: Any) -> None:
        """Set the session's value for `key`. Raises NotFound for a session that is not registered."""
        values = self._row(_OVERRIDES, session_id=session_id, key=key, value=value)
        values["updated_at"] = now()
        self._write(_SET, values)

    def get(self, session_id: str, key: str) -> Override | None:
        """The override, or None where there is none; its value may be None too."""
        key_of = (self._workspace, identifier("session_id", session_id), identifier("key", key))
        return _OVERRIDES.first(self._read(_SELECT + " AND key = ?", key_of))

    def list(self, session_id: str) -> List[Override]:
        """The session's overrides, by key."""
        return _OVERRIDES.records(
            self._read(_SELECT + " ORDER BY key", (self._workspace, identifier("session_id", session_id)))
        )

    def delete(self, session_id: str, key: str) -> bool:
        """Forget the session's value; False if it had none."""
        return (
            self._write(
                "DELETE FROM overrides WHERE workspace_id = ? AND session_id = ? AND key = ?",
                (self._workspace, identifier("session_id", session_id), identifier("key", key)),
            )
            > 0
        )
