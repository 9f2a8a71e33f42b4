"""The meta store: keys of the file itself, and markers that only one process sets.

For example:

    assert registry.meta.mark("welcome-shown", "yes")
    assert not registry.meta.mark("welcome-shown", "yes")
"""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it

__all__ = ["Meta", "MetaEntry"]


class MetaEntry(Record):
    """A key of the file itself, not of a workspace.

    key: unique in the file.
    value: as given.
    updated_at: aware instant.
    """

    key: str = field(identifier)
    value: str = field(text)
    updated_at: datetime = field(convert=from_text)


_ENTRIES = Table("meta", MetaEntry)
_SELECT = f"SELECT {_ENTRIES.columns} FROM meta"
_MARK = f"INSERT INTO meta ({_ENTRIES.columns}) VALUES ({_ENTRIES.values}) ON CONFLICT (key) DO NOTHING"
_SET = _MARK.replace("NOTHING", f"UPDATE SET {_ENTRIES.replacements('key')}")


class Meta(Store):
    """`registry.meta`."""

    __slots__ = ()

    def set(self, key: str, value: str) -> None:
        """Set a value."""
        self._write(_SET, self._entry(key, value))

    def mark(self, key: str, value: str) -> bool:
        """Set a value unless the key has one: a one-shot marker. Of any number of callers one gets True."""
        return self._write(_MARK, self._entry(key, value)) > 0

    def get(self, key: str) -> MetaEntry | None:
        """The entry, or None."""
        return _ENTRIES.first(self._read(f"{_SELECT} WHERE key = ?", (identifier("key", key),)))

    def list(self) -> List[MetaEntry]:
        """All entries, by key."""
        return _ENTRIES.records(self._read(f"{_SELECT} ORDER BY key", ()))

    def delete(self, key: str) -> bool:
        """Forget a key; False if it had no value."""
        return self._write("DELETE FROM meta WHERE key = ?", (identifier("key", key),)) > 0

    def _entry(self, key: str, value: str) -> dict[str, str]:
        entry = _ENTRIES.check_all({"key": key, "value": value})
        entry["updated_at"] = now()
        return entry
