"""The overrides store: a session's own value for a key, gone with the session."""

from __future__ import annotations

from ..clock import from_text, now
from ..store import Store, converted
from ..values import identifier, json_text, json_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it
    from typing import Any

    from ..records.override import Override

__all__ = ["Overrides"]

_SELECT = "SELECT session_id, key, value, updated_at FROM overrides WHERE workspace_id = ? AND session_id = ?"


class Overrides(Store):
    """`registry.overrides`. A value is whatever JSON can hold."""

    __slots__ = ()

    def set(self, session_id: str, key: str, value: Any) -> None:
        """Set the session's value for `key`. Raises NotFound for a session that is not registered."""
        self._write(
            "INSERT INTO overrides (workspace_id, session_id, key, value, updated_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (workspace_id, session_id, key) "
            "DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            (
                self._workspace,
                identifier("session_id", session_id),
                identifier("key", key),
                json_text("value", value),
                now(),
            ),
        )

    def get(self, session_id: str, key: str) -> Override | None:
        """The override, or None where there is none; its value may be None too."""
        rows = self._read(
            _SELECT + " AND key = ?",
            (self._workspace, identifier("session_id", session_id), identifier("key", key)),
        )
        return _override(rows[0]) if rows else None

    def list(self, session_id: str) -> List[Override]:
        """The session's overrides, by key."""
        rows = self._read(
            _SELECT + " ORDER BY key",
            (self._workspace, identifier("session_id", session_id)),
        )
        return [_override(row) for row in rows]

    def delete(self, session_id: str, key: str) -> bool:
        """Forget the session's value; False if it had none."""
        return (
            self._write(
                "DELETE FROM overrides WHERE workspace_id = ? AND session_id = ? AND key = ?",
                (self._workspace, identifier("session_id", session_id), identifier("key", key)),
            )
            > 0
        )


_OVERRIDE_CONVERSIONS = ((2, json_value), (3, from_text))


def _override(row: tuple[Any, ...]) -> Override:
    from ..records.override import Override  # here, because dataclasses cost a cold start more than SQLite does

    return Override(*converted(row, _OVERRIDE_CONVERSIONS))
