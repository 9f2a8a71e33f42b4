"""A VACUUM in the middle."""

from __future__ import annotations

from collections.abc import Callable
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
        target = nemesis.prepare(_vacuum, nemesis.setup.database)
        nemesis.begin()
        target.release()
        took_s: float = target.result()
        nemesis.end()
        nemesis.note = f"VACUUM took {took_s:.2f} s"


def _vacuum(database: str) -> Callable[[], float]:
    connection = connect(database)

    def run() -> float:
        started = monotonic()
        connection.execute("VACUUM")
        took_s = monotonic() - started
        connection.close()
        return took_s

    return run
