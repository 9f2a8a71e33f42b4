"""The meta store: keys of the file itself, shared by all workspaces."""

from __future__ import annotations

from ..clock import from_text, now
from ..store import Store
from ..values import identifier, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it

    from ..records.meta_entry import MetaEntry

__all__ = ["Meta"]


class Meta(Store):
    """`registry.meta`."""

    __slots__ = ()

    def set(self, key: str, value: str) -> None:
        """Set a value."""
        self._write(
            "INSERT INTO meta (key, value, updated_at) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            (identifier("key", key), text("value", value), now()),
        )

    def mark(self, key: str, value: str) -> bool:
        """Set a value unless the key has one: a one-shot marker. Of any number of callers one gets True."""
        return (
            self._write(
                "INSERT INTO meta (key, value, updated_at) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (identifier("key", key), text("value", value), now()),
            )
            > 0
        )

    def get(self, key: str) -> MetaEntry | None:
        """The entry, or None."""
        rows = self._read("SELECT key, value, updated_at FROM meta WHERE key = ?", (identifier("key", key),))
        return _entry(rows[0]) if rows else None

    def list(self) -> List[MetaEntry]:
        """All entries, by key."""
        return [_entry(row) for row in self._read("SELECT key, value, updated_at FROM meta ORDER BY key", ())]

    def delete(self, key: str) -> bool:
        """Forget a key; False if it had no value."""
        return self._write("DELETE FROM meta WHERE key = ?", (identifier("key", key),)) > 0


def _entry(row: tuple[str, str, str]) -> MetaEntry:
    from ..records.meta_entry import MetaEntry

    return MetaEntry(row[0], row[1], from_text(row[2]))
