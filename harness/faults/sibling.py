"""A sibling: another process of good manners, that opens the file, writes and closes it."""

from __future__ import annotations

import sqlite3

from pytest_sessionreg.registry.errors import RegistryError
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.results.ledger import Ledger

from .scene import STORM, Scene
from .writer import INSERT, Seen, Tally

__all__ = ["visit"]


def visit(scene: Scene, *, rows: int) -> tuple[Seen, ...]:
    """Open the registry in this process, the culprit's, write `rows` rows, each recorded once acknowledged, and close.

    The errors that it met; after the first one it leaves.
    """
    worker = scene.writers
    tally = Tally()
    with Ledger(scene.ledgers[worker]) as ledger:
        try:
            with Registry.open(scene.database, workspace=STORM, policy=scene.policy, observer=ledger) as registry:
                for sequence in range(rows):
                    ledger.sequence = sequence
                    with registry.transaction() as transaction:
                        transaction.execute(INSERT, (STORM, worker, sequence))
        except (RegistryError, sqlite3.Error) as error:
            tally.add(error)
    return tally.seen()
