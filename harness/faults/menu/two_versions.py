"""An older version of the registry beside a newer one."""

from __future__ import annotations

from pytest_sessionreg.registry.errors import SchemaTooNew
from pytest_sessionreg.registry.sqlite.schema import SCHEMA_VERSION

from ..fault import Fault
from ..nemesis import Nemesis
from ..target import connect, open_and_write

__all__ = ["TwoVersions"]


class TwoVersions(Fault):
    """A newer version migrates the file under those that have it open: they may go on, an older opener is refused."""

    name = "two-versions"
    summary = "a newer version adds a table and a column and raises the schema version, beside older writers"

    def inject(self, nemesis: Nemesis) -> None:
        """Migrate as a next version would, and open as an older one does."""
        nemesis.begin()
        nemesis.run(_migrate, nemesis.setup.database)
        nemesis.end()
        nemesis.seen = nemesis.run(open_and_write, nemesis.setup, nemesis.policy, 0)
        refused = any(seen.kind == SchemaTooNew.__name__ for seen in nemesis.seen)
        nemesis.note = "an older opener was refused" if refused else "an older opener was let in"


def _migrate(database: str) -> None:
    newer = connect(database)
    newer.execute("BEGIN IMMEDIATE")
    newer.execute("CREATE TABLE from_the_future (answer INTEGER)")
    newer.execute("ALTER TABLE storm_writes ADD COLUMN from_the_future TEXT")
    newer.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    newer.execute("COMMIT")
    newer.close()
