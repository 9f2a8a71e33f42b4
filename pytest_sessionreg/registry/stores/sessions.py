"""The sessions store: who works where, and when it last said so."""

from __future__ import annotations

from ..clock import from_text, now
from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..database import Database
    from .session import Session

__all__ = ["STATUSES", "Sessions"]

STATUSES = ("active", "finished")
# Ids are the caller's own; a longer one is a mistake, not a name.
_LONGEST_ID = 1000

_COLUMNS = "session_id, pid, cwd, label, status, started_at, last_heartbeat_at, ended_at, metadata"


class Sessions:
    """`registry.sessions`. Every method is one transaction of its own unless `registry.transaction()` is open."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(
        self,
        session_id: str,
        *,
        pid: int | None = None,
        cwd: str | None = None,
        label: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a session as active. One that exists is resumed: refreshed, `started_at` kept, `ended_at` cleared."""
        self._check_id(session_id)
        self._check("pid", pid, int)
        self._check("cwd", cwd, str)
        self._check("label", label, str)
        instant = now()
        self._database.write(
            f"INSERT INTO sessions ({_COLUMNS}) VALUES (?, ?, ?, ?, 'active', ?, ?, NULL, ?) "
            "ON CONFLICT (session_id) DO UPDATE SET pid = excluded.pid, cwd = excluded.cwd, label = excluded.label, "
            "status = 'active', last_heartbeat_at = excluded.last_heartbeat_at, ended_at = NULL, "
            "metadata = excluded.metadata",
            (session_id, pid, cwd, label, instant, instant, self._json(metadata)),
        )

    def heartbeat(self, session_id: str) -> bool:
        """Say that an active session is alive; False if there is no such active session."""
        return (
            self._database.write(
                "UPDATE sessions SET last_heartbeat_at = ? WHERE session_id = ? AND status = 'active'",
                (now(), session_id),
            )
            > 0
        )

    def finish(self, session_id: str) -> bool:
        """End an active session; False if there is no such active session."""
        instant = now()
        return (
            self._database.write(
                "UPDATE sessions SET status = 'finished', ended_at = ?, last_heartbeat_at = ? "
                "WHERE session_id = ? AND status = 'active'",
                (instant, instant, session_id),
            )
            > 0
        )

    def get(self, session_id: str) -> Session | None:
        """The session, or None."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM sessions WHERE session_id = ?", (session_id,))
        return _session(rows[0]) if rows else None

    def list(self, *, status: str | None = None) -> list[Session]:
        """All sessions, or those of one status, the oldest first."""
        if status is None:
            rows = self._database.read(f"SELECT {_COLUMNS} FROM sessions ORDER BY started_at, session_id")
        elif status in STATUSES:
            rows = self._database.read(
                f"SELECT {_COLUMNS} FROM sessions WHERE status = ? ORDER BY started_at, session_id", (status,)
            )
        else:
            raise self._invalid("status", status, f"must be one of {', '.join(STATUSES)}")
        return [_session(row) for row in rows]

    def _check_id(self, session_id: object) -> None:
        if not isinstance(session_id, str) or not session_id or "\0" in session_id or len(session_id) > _LONGEST_ID:
            raise self._invalid("session_id", session_id, f"must be text of 1 to {_LONGEST_ID} characters without NUL")

    def _check(self, field: str, value: object, kind: type) -> None:
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self._invalid(field, value, f"must be {kind.__name__} or None")

    def _json(self, metadata: Mapping[str, Any] | None) -> str:
        if not metadata:
            return "{}"
        import json  # here, because a heartbeat in a fresh interpreter does not need it

        try:
            return json.dumps(dict(metadata), allow_nan=False, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise self._invalid("metadata", metadata, f"must be a mapping that JSON can hold ({error})") from None

    def _invalid(self, field: str, value: object, rule: str) -> InvalidValue:
        return InvalidValue(f"{self._database.path}: {field}={value!r:.100}: {rule}", database=self._database.path)


def _session(row: tuple[Any, ...]) -> Session:
    import json

    from .session import Session  # here, because dataclasses cost a cold start more than SQLite does

    return Session(
        session_id=row[0],
        pid=row[1],
        cwd=row[2],
        label=row[3],
        status=row[4],
        started_at=from_text(row[5]),
        last_heartbeat_at=from_text(row[6]),
        ended_at=None if row[7] is None else from_text(row[7]),
        metadata=json.loads(row[8]),
    )
