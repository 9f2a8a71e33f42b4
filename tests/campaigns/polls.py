"""When a process polled for SQLite's lock."""

from __future__ import annotations

from time import monotonic_ns
from typing import Any

from pytest_sessionreg.registry.sqlite.database import Database

__all__ = ["note_polls"]


def note_polls() -> list[tuple[int, int]]:
    """From now on, for each write of this process that meets SQLITE_BUSY, the instants of its first busy BEGIN and of
    the one that succeeds.
    """
    polled_ns: list[tuple[int, int]] = []
    since_ns: list[int] = []
    try_begin: Any = Database._try_begin

    def noted(database: Database) -> bool:
        begun = bool(try_begin(database))
        if begun and since_ns:
            polled_ns.append((since_ns.pop(), monotonic_ns()))
        elif not begun and not since_ns:
            since_ns.append(monotonic_ns())
        return begun

    Database._try_begin = noted  # type: ignore[assignment,method-assign]
    return polled_ns
