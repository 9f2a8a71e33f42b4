"""Who holds the write lock."""

from __future__ import annotations

from ....holder import holder
from .kernel_locks import writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....holder import Holder
    from .records import Seen

__all__ = ["sqlite_holder"]


def sqlite_holder(database: str, seen: Seen | None = None) -> Holder | None:
    """Who holds SQLite's own write lock on `database`, queued or not, as the kernel knows it; None if nobody does.

    seen: what the line says, which tells since when at least; and who it is where the kernel does not.
    """
    pid = writer(database)
    if pid is None:
        return None if seen is None else holder(seen.pid, seen.held_s())
    return holder(pid, seen.held_s() if seen is not None and seen.pid == pid else None)
