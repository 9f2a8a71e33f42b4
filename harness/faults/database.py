"""The database of a scene: made before it, examined after it, wherever its disk can be seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.busy_timeout import BusyTimeout

from .private_disk import make_disk
from .scene import GHOST, STORM, Scene

__all__ = ["Found", "examine", "keep", "make"]

_ROW_BYTES = 4000
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the database holds, set against the ledgers. lost: acknowledged writes without a row. duplicated: rows
    beyond the first of a write. ghosts: rows of a transaction that was killed before its COMMIT. integrity:
    "ok" or the first complaint.
    """

    lost: int
    duplicated: int
    ghosts: int
    integrity: str


def make(path: str, ballast_kib: int) -> None:
    """A registry with the storm's table, and `ballast_kib` KiB of other rows."""
    from pytest_sessionreg.storm.verification import CREATE_TABLE

    with Registry.open(path, policy=BusyTimeout(_PATIENCE_S)) as registry, registry.transaction() as setup:
        setup.execute(CREATE_TABLE)
        if ballast_kib:
            setup.execute("CREATE TABLE ballast (payload BLOB)")
            setup.execute(
                "WITH RECURSIVE number (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < ?) "
                "INSERT INTO ballast SELECT zeroblob(?) FROM number",
                (ballast_kib * 1024 // _ROW_BYTES, _ROW_BYTES),
            )


def examine(scene: Scene) -> Found:
    """Compare the ledgers of `scene` with its database, through connections that know nothing of the registry."""
    from pytest_sessionreg.results.samples import Samples
    from pytest_sessionreg.storm.verification import verify_own_rows

    evidence = verify_own_rows(scene.database, STORM, Samples.read(scene.ledgers, opened_ns=0))
    connection = sqlite3.connect(scene.database, timeout=_PATIENCE_S)
    try:
        (ghosts,) = connection.execute("SELECT count(*) FROM storm_writes WHERE worker = ?", (GHOST,)).fetchone()
    finally:
        connection.close()
    return Found(evidence.lost or 0, evidence.duplicated or 0, ghosts, evidence.integrity or "no file is there")


def keep(scene: Scene, directory: str, disk_kib: int, ballast_kib: int) -> Callable[[], Found]:
    """The keeper of a private disk: makes it and the database on it before the barrier, and examines that after it."""
    make_disk(directory, disk_kib)
    make(scene.database, ballast_kib)
    return lambda: examine(scene)
