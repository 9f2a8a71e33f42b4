"""What the database holds after a fault run, set against the ledgers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from pytest_sessionreg.results.samples import EXHAUSTED, FAILED, Samples
from pytest_sessionreg.storm.storm_writes import rows
from pytest_sessionreg.storm.verification import check_integrity, verify_writes

from .setup import STORM, UNCOMMITTED, Setup

__all__ = ["Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """acknowledged: writes whose COMMIT returned.
    lost: those of them that the database does not hold.
    duplicated: rows beyond the first of a write.
    ghosts: rows of a transaction that was killed before its COMMIT.
    given_up: writes that the policy, or SQLite's timeout, gave up.
    failed: writes that ended in any other error.
    integrity: "ok", the first complaint, or why the database cannot be read.
    """

    acknowledged: int
    lost: int
    duplicated: int
    ghosts: int
    given_up: int
    failed: int
    integrity: str

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing twice, nothing damaged."""
        return not self.lost and not self.duplicated and not self.ghosts and self.integrity == "ok"

    @property
    def flawless(self) -> bool:
        """Sound, and every write was acknowledged."""
        return self.sound and not self.given_up and not self.failed

    def __str__(self) -> str:
        return (
            f"{self.acknowledged:,} acknowledged, {self.lost} lost, {self.given_up} given up, {self.failed} failed, "
            f"integrity {self.integrity}"
        )


def verify(setup: Setup) -> Verified:
    """Compare the ledgers of `setup` with its database, through connections that know nothing of the registry."""
    samples = Samples.read(setup.ledgers, opened_ns=0)
    acknowledged = int(samples.committed.sum())
    try:
        written = rows(setup.database, STORM)
        found = verify_writes(written, samples, check_integrity(setup.database))
        lost, duplicated, complaint = found.lost or 0, found.duplicated or 0, found.integrity or "no file is there"
        ghosts = sum(key >> 32 == UNCOMMITTED for key in written)
    except sqlite3.Error as error:
        lost, duplicated, ghosts, complaint = acknowledged, 0, 0, f"cannot be read: {error}"
    return Verified(
        acknowledged=acknowledged,
        lost=lost,
        duplicated=duplicated,
        ghosts=ghosts,
        given_up=int((samples.outcome == EXHAUSTED).sum()),
        failed=int((samples.outcome == FAILED).sum()),
        integrity=complaint,
    )
