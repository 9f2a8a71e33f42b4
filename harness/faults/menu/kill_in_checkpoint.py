"""SIGKILL of a process inside a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

from ..fault import Fault
from ..nemesis import Nemesis
from ..target import connect

__all__ = ["KillInCheckpoint"]

_TRIES = 5
_LOG_ROWS, _ROW_BYTES = 1500, 4000
_EARLIEST_S, _LATEST_S = 0.0002, 0.003


class KillInCheckpoint(Fault):
    """It dies while it copies the log into the file: half a copy must do no harm."""

    name = "kill-in-checkpoint"
    summary = "SIGKILL of a process that copies a log of 6 MB into the database"

    def inject(self, nemesis: Nemesis) -> None:
        """The target makes the log fat and begins a passive checkpoint; it is killed while that has not returned."""
        for number in range(1, _TRIES + 1):
            target = nemesis.prepare(_checkpoint, nemesis.setup.database)
            if number == 1:
                nemesis.begin()
            target.release()
            sleep(nemesis.random.uniform(_EARLIEST_S, _LATEST_S))
            target.kill()
            if not target.result():
                nemesis.note = f"killed inside at try {number}"
                break
        else:
            nemesis.note = f"never inside in {_TRIES} tries"
        nemesis.end()


def _checkpoint(database: str) -> Callable[[], bool]:
    connection = connect(database)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO ballast VALUES (?)", ((bytes(_ROW_BYTES),) for _ in range(_LOG_ROWS)))
    connection.execute("COMMIT")

    def run() -> bool:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return True

    return run
