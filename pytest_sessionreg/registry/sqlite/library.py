"""What is known to be wrong with the SQLite library in use: docs/field-failures.md#the-wal-reset-bug."""

from __future__ import annotations

import sqlite3

__all__ = ["wal_reset_bug"]

_FIRST_AFFECTED = (3, 7, 0)
_FIXED = (3, 51, 3)
# Back-ports, by second-hand reports.
_BACK_PORTS = ((3, 44, 6), (3, 50, 7))


def wal_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite can corrupt a file when two connections checkpoint and write at the same instant.

    Affected: 3.7.0 to 3.51.2, but for the back-ports 3.44.6 and 3.50.7 and what follows them in their series
    (https://www.sqlite.org/wal.html).
    """
    if not _FIRST_AFFECTED <= version < _FIXED:
        return False
    return not any(version[:2] == port[:2] and version >= port for port in _BACK_PORTS)
