"""The setup of a fault run: what every process of it knows."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .isolation import drop_privileges, enter_mounts

__all__ = ["STORM", "UNCOMMITTED", "Setup"]

# The storm under whose name every row is written; each fault run has a database of its own.
STORM = "faults"
# The worker number of rows that are written by a process that is killed before its COMMIT: none may ever be found.
UNCOMMITTED = 999_999


@dataclass(frozen=True, slots=True)
class Setup:
    """database: path of the file under test.
    scratch: a directory outside of any fault, for the ledgers and the board.
    writers: how many processes have a ledger and a cell of the board.
    disk_owner: pid of the process in whose mount namespace the database lies; None where everybody sees it.
    unprivileged: whether the writers give up root's right to ignore permissions.
    """

    database: str
    scratch: str
    writers: int
    disk_owner: int | None = None
    unprivileged: bool = False

    @property
    def target(self) -> int:
        """The worker number of the process that a fault acts on or through, which is none of the writers."""
        return self.writers

    @property
    def ledgers(self) -> list[str]:
        """Paths: one per writer, and the target's."""
        return [self.ledger(worker) for worker in range(self.writers + 1)]

    def ledger(self, worker: int) -> str:
        """Path of one ledger."""
        return os.path.join(self.scratch, f"{worker}.ledger")

    @property
    def board(self) -> str:
        """Path of the board."""
        return os.path.join(self.scratch, "board")

    @property
    def reports(self) -> str:
        """Path of the pipe through which writers report that they know of the fault."""
        return os.path.join(self.scratch, "reports")

    def enter(self) -> None:
        """What a process does first: see the disk of the database, and give up the privileges it must not have."""
        if self.disk_owner is not None:
            enter_mounts(self.disk_owner)
        if self.unprivileged:
            drop_privileges()

    def outside(self, path: str) -> str:
        """The name by which a process that has not entered the private disk reaches `path` on it (proc(5))."""
        return path if self.disk_owner is None else f"/proc/{self.disk_owner}/root{path}"
