"""Who holds the write lock."""

from __future__ import annotations

from ....holder import holder
from .kernel_locks import writer
from .sidecar import pid_namespace_inode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....holder import Holder
    from .sidecar import Insider

__all__ = ["line_holder", "sqlite_holder"]


def line_holder(insider: Insider | None) -> Holder | None:
    """Who `insider`, taken from a line's sidecar, is; None if it is nobody, or of another pid namespace."""
    if insider is None or insider.namespace != pid_namespace_inode():
        return None
    return holder(insider.pid, insider.held_s())


def sqlite_holder(database: str, insider: Insider | None = None) -> Holder | None:
    """Who holds SQLite's own write lock on `database`, queued or not, as the kernel knows it; None if nobody does.

    insider: who is inside the line, which tells since when; and who it is where the kernel does not say.
    """
    pid = writer(database)
    if pid is None:
        return line_holder(insider)
    return holder(pid, insider.held_s() if insider is not None and insider.pid == pid else None)
