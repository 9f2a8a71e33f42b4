"""An older version of the registry beside a newer one."""

from __future__ import annotations

import sqlite3

from pytest_sessionreg.registry.errors import SchemaTooNew
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.schema import SCHEMA_VERSION

from ..fault import Fault
from ..scene import STORM, Board, Scene
from ..victim import PATIENCE_S
from ..writer import Seen

__all__ = ["TwoVersions"]


class TwoVersions(Fault):
    """A newer version migrates the file under those that have it open: they may go on, who opens it anew is refused."""

    name = "two-versions"
    summary = "a newer version adds a table and a column and raises the schema version, beside older writers"
    evidence = "DESIGN, migrations; SchemaTooNew"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Migrate as a next version would, and open as an older one does."""
        newer = sqlite3.connect(scene.database, timeout=PATIENCE_S, isolation_level=None)
        try:
            board.begin()
            newer.execute("BEGIN IMMEDIATE")
            newer.execute("CREATE TABLE from_the_future (answer INTEGER)")
            newer.execute("ALTER TABLE storm_writes ADD COLUMN from_the_future TEXT")
            newer.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
            newer.execute("COMMIT")
            board.end()
        finally:
            newer.close()
        try:
            Registry.open(scene.database, workspace=STORM, policy=scene.policy).close()
        except SchemaTooNew as error:
            return "an older opener was refused", (Seen(type(error).__name__, error.code, 1),)
        return "an older opener was let in", ()
