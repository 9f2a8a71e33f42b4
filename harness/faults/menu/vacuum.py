"""A VACUUM in the middle."""

from __future__ import annotations

from time import monotonic

from ..fault import Fault
from ..nemesis import Nemesis
from ..target import connect

__all__ = ["Vacuum"]


class Vacuum(Fault):
    """Maintenance that holds the write lock for as long as it takes to write the whole file again."""

    name = "vacuum"
    summary = "VACUUM of a file of 64 MiB beside the writers"
    ballast_kib = 65_536

    def inject(self, nemesis: Nemesis) -> None:
        """Run it, patiently, through plain SQLite."""
        nemesis.begin()
        took_s = nemesis.run(_vacuum, nemesis.setup.database)
        nemesis.end()
        nemesis.note = f"VACUUM took {took_s:.2f} s"


def _vacuum(database: str) -> float:
    connection = connect(database)
    started = monotonic()
    connection.execute("VACUUM")
    took_s = monotonic() - started
    connection.close()
    return took_s
