"""A registry carried across a fork."""

from __future__ import annotations

import os
from collections.abc import Callable

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.errors import WrongOwner
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.ledger import Ledger
from pytest_sessionreg.storm.storm_writes import INSERT

from ..fault import Fault
from ..nemesis import Nemesis
from ..seen import Seen
from ..setup import STORM, Setup
from ..target import count_refusals

__all__ = ["Fork"]

_ATTEMPTS = 2


class Fork(Fault):
    """The child tries to write with and to close what belongs to its parent, who then writes on."""

    name = "fork"
    summary = "a process with an open registry forks; the child writes with it and closes it"

    def inject(self, nemesis: Nemesis) -> None:
        """Both attempts of the child must be refused, and the parent's next write acknowledged."""
        parent = nemesis.prepare(_write_and_fork, nemesis.setup, nemesis.policy)
        nemesis.begin()
        parent.release()
        parent.result()
        nemesis.end()
        nemesis.note = "the child was refused twice"
        nemesis.seen = (Seen(WrongOwner.__name__, None, _ATTEMPTS),)


def _write_and_fork(setup: Setup, policy: AdmissionPolicy) -> Callable[[], None]:
    ledger = Ledger(setup.ledger(setup.target))
    registry = Registry.open(setup.database, workspace=STORM, policy=policy, observer=ledger)

    def write(sequence: int) -> None:
        ledger.sequence = sequence
        with registry.transaction() as transaction:
            transaction.execute(INSERT, (STORM, setup.target, sequence))

    write(0)

    def run() -> None:
        _fork(registry)
        write(1)
        registry.close()
        ledger.close()

    return run


def _fork(registry: Registry) -> None:
    """Raises StormError unless the child's attempts to write and to close were both refused."""
    pid = os.fork()
    if pid == 0:
        refused = 0
        try:
            refused = count_refusals(registry.transaction().__enter__, registry.close)
        finally:
            os._exit(_ATTEMPTS - refused)
    _, status = os.waitpid(pid, 0)
    if status:
        raise StormError(f"{registry.path}: a forked child was allowed to use its parent's registry; report it")
