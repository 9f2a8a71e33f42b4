"""SIGKILL of a writer that waits for the write lock."""

from __future__ import annotations

from collections.abc import Callable

from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from ..fault import Fault
from ..nemesis import Nemesis
from ..setup import STORM
from ..target import connect

__all__ = ["KillBefore"]

_WAIT_S = 0.15


class KillBefore(Fault):
    """It dies while it waits: its place must not hold up those behind it."""

    name = "kill-before"
    summary = "SIGKILL of a writer that waits for the lock, which another process holds"

    def inject(self, nemesis: Nemesis) -> None:
        """A plain process holds the lock, the target waits behind it and is killed, then the lock is let go."""
        holder = nemesis.prepare(_hold, nemesis.setup.database)
        nemesis.begin()
        target = nemesis.prepare(_wait, nemesis.setup.database, nemesis.policy)
        target.release()
        nemesis.sleep(_WAIT_S)
        target.kill()
        holder.kill()
        nemesis.end()
        nemesis.note = "was admitted before it was killed" if target.result() else ""


def _hold(database: str) -> Callable[[], None]:
    connection = connect(database)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close


def _wait(database: str, policy: AdmissionPolicy) -> Callable[[], bool]:
    registry = Registry.open(database, workspace=STORM, policy=policy)

    def run() -> bool:
        with registry.transaction():
            return True

    return run
