"""The locks store: one holder among any number of processes.

For example:

    lock = registry.locks.acquire("merge-queue", "s-1", ttl=timedelta(minutes=5))
    assert registry.locks.acquire("merge-queue", "s-2", ttl=timedelta(minutes=5)) is None
    print(lock.fence)  # grows with every acquisition: a resource can refuse a holder whose lock has expired
    assert registry.locks.release("merge-queue", "s-1")
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..clock import from_text, later, now
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it

__all__ = ["Lock", "Locks"]


class Lock(Record):
    """A lock as it was when it was acquired or read.

    name: what is locked.
    session_id: who holds it.
    fence: grows with every acquisition of any lock in the file, so that a resource can refuse a holder whose lock has
        expired.
    acquired_at: aware instant.
    expires_at: aware instant.
    """

    name: str = field(identifier)
    session_id: str = field(identifier)
    fence: int
    acquired_at: datetime = field(convert=from_text)
    expires_at: datetime = field(convert=from_text)


_LOCKS = Table("locks", Lock)
_SELECT = f"SELECT {_LOCKS.columns} FROM locks WHERE workspace_id = ?"
_ACQUIRE = (
    f"INSERT INTO locks (workspace_id, {_LOCKS.columns}) VALUES (:workspace_id, {_LOCKS.values}) "
    f"ON CONFLICT (workspace_id, name) DO UPDATE SET {_LOCKS.replacements('name')}"
)


class Locks(Store):
    """`registry.locks`: advisory locks with a time to live. An expired one is free at once, before any clean-up."""

    __slots__ = ()

    def acquire(self, name: str, session_id: str, *, ttl: timedelta) -> Lock | None:
        """The lock, or None while anybody holds it, the same session included: to keep one longer, `renew` it.

        Raises NotFound for a session that is not registered, if the lock is free.
        """
        span = positive("ttl", ttl)
        values = self._row(_LOCKS, name=name, session_id=session_id)
        if not self._database.in_transaction and self.holder(name) is not None:
            return None  # no need to queue for the write lock to learn that
        with self._joining():
            instant = now()  # only here: waiting for the write lock is no part of the time to live
            expires_at = later(instant, span)
            if self._read(
                "SELECT 1 FROM locks WHERE workspace_id = ? AND name = ? AND expires_at > ?",
                (self._workspace, name, instant),
            ):
                return None
            self._write("UPDATE fences SET last = last + 1 WHERE only = 1", ())
            ((fence,),) = self._read("SELECT last FROM fences WHERE only = 1", ())
            values |= {"fence": fence, "acquired_at": instant, "expires_at": expires_at}
            self._write(_ACQUIRE, values)
        return _LOCKS.of(values)

    def renew(self, name: str, session_id: str, *, ttl: timedelta) -> bool:
        """Hold on for another `ttl` from now; False if the session does not hold the lock any more."""
        span = positive("ttl", ttl)
        key = (self._workspace, identifier("name", name), identifier("session_id", session_id))
        with self._joining():
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
        return _LOCKS.first(
            self._read(_SELECT + " AND name = ? AND expires_at > ?", (self._workspace, identifier("name", name), now()))
        )

    def list(self) -> List[Lock]:
        """The locks that are held now, by name."""
        return _LOCKS.records(self._read(_SELECT + " AND expires_at > ? ORDER BY name", (self._workspace, now())))

    def _free_stale(self, instant: str) -> int:
        """Free the locks that have expired or whose session has ended; how many."""
        return self._write(
            "DELETE FROM locks WHERE workspace_id = ? AND (expires_at <= ? OR EXISTS (SELECT 1 FROM sessions AS s "
            "WHERE s.workspace_id = locks.workspace_id AND s.session_id = locks.session_id AND s.status <> 'active'))",
            (self._workspace, instant),
        )
