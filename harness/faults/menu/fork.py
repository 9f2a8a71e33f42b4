"""A registry carried across a fork."""

from __future__ import annotations

import os
from collections.abc import Callable

from pytest_sessionreg.registry.errors import WrongOwner
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.results.ledger import Ledger

from ..fault import Fault
from ..scene import STORM, Board, Scene
from ..victim import Tell, Victim
from ..writer import INSERT, Seen

__all__ = ["Fork"]

_REFUSED, _TOOK_IT = 0, 3


class Fork(Fault):
    """The child tries to write with and to close what belongs to its parent, who then writes on."""

    name = "fork"
    summary = "a process with an open registry forks; the child writes with it and closes it"
    evidence = "FAILURES row 15"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Both attempts of the child must be refused, and the parent's next write acknowledged."""
        worker = scene.writers

        def parent(tell: Tell) -> None:
            ledger = Ledger(scene.ledgers[worker])
            registry = Registry.open(scene.database, workspace=STORM, policy=scene.policy, observer=ledger)
            for sequence in range(2):
                ledger.sequence = sequence
                with registry.transaction() as transaction:
                    transaction.execute(INSERT, (STORM, worker, sequence))
                if sequence == 0:
                    tell()
                    _fork(registry)
            registry.close()
            ledger.close()

        with Victim(parent) as victim:
            victim.wait()
            board.begin()
            victim.finish()
            board.end()
        return "the child was refused twice", (Seen(WrongOwner.__name__, None, 2),)


def _fork(registry: Registry) -> None:
    """Raises RuntimeError unless the child's attempts to write and to close were both refused."""
    pid = os.fork()
    if pid == 0:
        status = _TOOK_IT
        try:
            refused = _refused(registry.transaction().__enter__) and _refused(registry.close)
            status = _REFUSED if refused else _TOOK_IT
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != _REFUSED:
        raise RuntimeError(f"{registry.path}: a forked child was allowed to use its parent's registry")


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except WrongOwner:
        return True
    return False
