"""The database of a fault run: made before it, on a disk of its own where the fault needs one."""

from __future__ import annotations

from collections.abc import Callable

from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.busy_timeout import BusyTimeout
from pytest_sessionreg.storm.storm_writes import CREATE_TABLE

from .isolation import mount_tmpfs, own_mounts
from .setup import Setup
from .verification import Verified, verify

__all__ = ["make_database", "own_disk"]

_ROW_BYTES = 4000
_PATIENCE_S = 30.0


def make_database(path: str, ballast_kib: int = 0) -> None:
    """A registry with the storm's table, and `ballast_kib` KiB of other rows, at least one."""
    with Registry.open(path, policy=BusyTimeout(_PATIENCE_S)) as registry, registry.transaction() as transaction:
        transaction.execute(CREATE_TABLE)
        transaction.execute("CREATE TABLE ballast (payload BLOB)")
        transaction.execute(
            "WITH RECURSIVE number (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < ?) "
            "INSERT INTO ballast SELECT zeroblob(?) FROM number",
            (max(ballast_kib * 1024 // _ROW_BYTES, 1), _ROW_BYTES),
        )


def own_disk(setup: Setup, directory: str, kib: int, ballast_kib: int) -> Callable[[], Verified]:
    """The owner of a private disk of `kib` KiB at `directory`: make it and the database on it; return what verifies.

    Raises IsolationRefused.
    """
    own_mounts()
    mount_tmpfs(directory, kib)
    make_database(setup.database, ballast_kib)
    return lambda: verify(setup)
