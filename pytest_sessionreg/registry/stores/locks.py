"""The locks store: one holder per name among any number of processes."""

from __future__ import annotations

from datetime import timedelta

from ..clock import from_text, later, now
from ..store import Store, converted
from ..values import identifier, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it
    from typing import Any

    from ..records.lock import Lock

__all__ = ["Locks"]

_SELECT = "SELECT name, session_id, fence, acquired_at, expires_at FROM locks WHERE workspace_id = ?"


class Locks(Store):
    """`registry.locks`: advisory locks with a time to live. An expired one is free at once, before any clean-up."""

    __slots__ = ()

    def acquire(self, name: str, session_id: str, *, ttl: timedelta) -> Lock | None:
        """The lock, or None while anybody holds it, the same session included: to keep one longer, `renew` it.

        Raises NotFound for a session that is not registered.
        """
        from ..records.lock import Lock

        span = positive("ttl", ttl)
        key = (self._workspace, identifier("name", name))
        identifier("session_id", session_id)
        if not self._database.in_transaction and self.holder(name) is not None:
            return None  # no need to queue for the write lock to learn that
        with self._joined():
            instant = now()  # only here: waiting for the write lock is no part of the time to live
            expires_at = later(instant, span)
            if self._read(
                "SELECT 1 FROM locks WHERE workspace_id = ? AND name = ? AND expires_at > ?", (*key, instant)
            ):
                return None
            self._write("UPDATE fences SET last = last + 1 WHERE only = 1", ())
            ((fence,),) = self._read("SELECT last FROM fences WHERE only = 1", ())
            self._write(
                "INSERT INTO locks (workspace_id, name, session_id, fence, acquired_at, expires_at) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, name) "
                "DO UPDATE SET session_id = excluded.session_id, fence = excluded.fence, "
                "acquired_at = excluded.acquired_at, expires_at = excluded.expires_at",
                (*key, session_id, fence, instant, expires_at),
            )
        return Lock(name, session_id, fence, from_text(instant), from_text(expires_at))

    def renew(self, name: str, session_id: str, *, ttl: timedelta) -> bool:
        """Hold on for another `ttl` from now; False if the session does not hold the lock any more."""
        span = positive("ttl", ttl)
        key = (self._workspace, identifier("name", name), identifier("session_id", session_id))
        with self._joined():
            instant = now()  # only here, as in acquire
            changed = self._write(
                "UPDATE locks SET expires_at = ? "
                "WHERE workspace_id = ? AND name = ? AND session_id = ? AND expires_at > ?",
                (later(instant, span), *key, instant),
            )
        return changed > 0

    def release(self, name: str, session_id: str) -> bool:
        """Free the lock; False if the session does not hold it any more."""
        return (
            self._write(
                "DELETE FROM locks WHERE workspace_id = ? AND name = ? AND session_id = ? AND expires_at > ?",
                (self._workspace, identifier("name", name), identifier("session_id", session_id), now()),
            )
            > 0
        )

    def holder(self, name: str) -> Lock | None:
        """The lock as it is held now, or None if it is free."""
        rows = self._read(
            _SELECT + " AND name = ? AND expires_at > ?", (self._workspace, identifier("name", name), now())
        )
        return _lock(rows[0]) if rows else None

    def list(self) -> List[Lock]:
        """The locks that are held now, by name."""
        rows = self._read(_SELECT + " AND expires_at > ? ORDER BY name", (self._workspace, now()))
        return [_lock(row) for row in rows]

    def _free_stale(self, instant: str) -> int:
        """Free the locks that have expired or whose session has ended; how many."""
        return self._write(
            "DELETE FROM locks WHERE workspace_id = ? AND (expires_at <= ? OR EXISTS (SELECT 1 FROM sessions AS s "
            "WHERE s.workspace_id = locks.workspace_id AND s.session_id = locks.session_id AND s.status <> 'active'))",
            (self._workspace, instant),
        )


_LOCK_CONVERSIONS = ((3, from_text), (4, from_text))


def _lock(row: tuple[Any, ...]) -> Lock:
    from ..records.lock import Lock  # here, because dataclasses cost a cold start more than SQLite does

    return Lock(*converted(row, _LOCK_CONVERSIONS))
