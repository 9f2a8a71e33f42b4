"""What a writer is told that gave up in line, or at SQLite's lock."""

from __future__ import annotations

from ....errors import WriteTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Seen

__all__ = ["timed_out"]


def timed_out(
    database: str,
    *,
    waited_s: float,
    busy: int,
    seen: Seen | None = None,
    place: int | None = None,
    in_line: bool = False,
) -> WriteTimeout:
    """The error of a writer that has waited for `waited_s`.

    busy: how many of its BEGIN were. seen: who holds the lock up, as far as the line knows. place: how many writers of
    the queue were ahead of it; None if none was, so that only SQLite's lock kept it, or if that is unknown. in_line:
    whether some were, though their number is unknown.
    """
    try:
        from .lock_holder import sqlite_holder
    except (ImportError, OSError):
        held_by = None  # no descriptor is left to load it with
    else:
        held_by = sqlite_holder(database, seen)
    where = f"in line, {place} ahead" if place is not None else "in line" if in_line else "at SQLite's lock"
    because = "" if held_by is None else f", held up by {held_by}"
    return WriteTimeout(
        f"{database}: waited {waited_s:.2f} s {where}{because}; nothing was written: "
        "raise patience, or see to the process that holds the lock",
        database=database,
        waited_s=waited_s,
        busy=busy,
        phase="begin" if place is None and not in_line else "queue",
        place=place,
        holder=held_by,
    )
