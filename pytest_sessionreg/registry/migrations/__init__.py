"""The schema, as files `<number>_<name>.sql`, and the runner that applies those a database still lacks.

The number has four digits; the newest is the schema's version.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..database import Database

__all__ = ["SCHEMA_VERSION", "migrate", "read"]

_DIRECTORY = os.path.dirname(__file__)
SCHEMA_VERSION = max([int(name[:4]) for name in os.listdir(_DIRECTORY) if name.endswith(".sql")])


def migrate(database: Database) -> int:
    """Apply every migration newer than the database's version, in one transaction; the number applied.

    The version is read before the write lock is taken, so that a settled file costs no write, and again once inside,
    because another opener may have migrated it in between
    (docs/field-failures.md#a-version-trusted-from-outside-the-lock).
    """
    if database.schema_version() == SCHEMA_VERSION:
        return 0
    from ..transaction import Transaction  # here, because a settled open needs none

    with Transaction(database):
        version = database.schema_version()
        for number in range(version + 1, SCHEMA_VERSION + 1):
            database.migrate(read(number), number)
    return SCHEMA_VERSION - version


def read(number: int) -> str:
    """The SQL text of migration `number`, e.g. 1 for `0001_stores.sql`. Raises FileNotFoundError."""
    for name in sorted(os.listdir(_DIRECTORY)):
        if name.startswith(f"{number:04d}_") and name.endswith(".sql"):
            with open(os.path.join(_DIRECTORY, name), encoding="utf-8") as file:
                return file.read()
    raise FileNotFoundError(f"{_DIRECTORY}: holds no migration number {number}; reinstall pytest-sessionreg")
