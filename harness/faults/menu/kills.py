"""SIGKILL of a process before, inside and after its transaction, and inside a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from ..fault import Fault
from ..nemesis import Nemesis
from ..setup import STORM, UNCOMMITTED
from ..target import connect, hold, write_and_stay

__all__ = ["KillAfter", "KillBefore", "KillInCheckpoint", "KillInside"]

_WAIT_S = _HOLD_S = 0.15
_WRITES = 20
_TRIES = 5
_LOG_ROWS, _ROW_BYTES = 1500, 4000
_EARLIEST_S, _LATEST_S = 0.0002, 0.003


class KillBefore(Fault):
    """It dies while it waits: its place must not hold up those behind it."""

    name = "kill-before"
    summary = "SIGKILL of a writer that waits for the lock, which another process holds"

    def inject(self, nemesis: Nemesis) -> None:
        """A plain process holds the lock, the target waits behind it and is killed, then the lock is let go."""
        holder = nemesis.prepare(_hold_plainly, nemesis.setup.database)
        nemesis.begin()
        target = nemesis.prepare(_wait, nemesis.setup.database, nemesis.policy)
        target.release()
        nemesis.sleep(_WAIT_S)
        target.kill()
        holder.kill()
        nemesis.end()
        nemesis.note = "was admitted before it was killed" if target.result() else ""


class KillInside(Fault):
    """It dies with the lock held and rows written: the lock must come free, and no row may stay
    (https://www.sqlite.org/atomiccommit.html).
    """

    name = "kill-inside"
    summary = "SIGKILL of a writer between its INSERT and its COMMIT"

    def inject(self, nemesis: Nemesis) -> None:
        """The target writes a row, holds the lock for a while and is killed."""
        target = nemesis.prepare(hold, nemesis.setup.database, nemesis.policy, UNCOMMITTED)
        nemesis.begin()
        nemesis.sleep(_HOLD_S)
        target.kill()
        nemesis.end()


class KillAfter(Fault):
    """It dies with its connection open and nothing checkpointed: what was acknowledged must be there."""

    name = "kill-after"
    summary = f"SIGKILL of a writer right after the COMMIT of its {_WRITES} writes, without a close"

    def inject(self, nemesis: Nemesis) -> None:
        """The target writes, and is killed when the last COMMIT has returned."""
        target = nemesis.prepare(write_and_stay, nemesis.setup, nemesis.policy, _WRITES)
        nemesis.begin()
        target.kill()
        nemesis.end()


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


def _hold_plainly(database: str) -> Callable[[], None]:
    connection = connect(database)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close


def _wait(database: str, policy: AdmissionPolicy) -> Callable[[], bool]:
    registry = Registry.open(database, workspace=STORM, policy=policy)

    def run() -> bool:
        with registry.transaction():
            return True

    return run


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
