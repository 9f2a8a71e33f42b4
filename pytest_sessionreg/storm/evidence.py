"""What the database holds after a storm, set against the ledgers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .samples import Samples

__all__ = ["CREATE_TABLE", "Evidence", "examine"]

# Each write of a storm leaves a row of its own; without a unique key, so that a duplicate can show.
CREATE_TABLE = (
    "CREATE TABLE IF NOT EXISTS storm_writes (storm TEXT NOT NULL, worker INTEGER NOT NULL, sequence INTEGER NOT NULL)"
)

_READ_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """lost: acknowledged writes without a row. duplicated: rows beyond the first of a write. integrity: "ok" or the
    first complaint.
    """

    lost: int
    duplicated: int
    integrity: str


def examine(database: str, storm: str, samples: Samples) -> Evidence:
    """Compare `samples` with the rows of `storm`, through a fresh connection that knows nothing of the registry."""
    connection = sqlite3.connect(database, timeout=_READ_PATIENCE_S)
    try:
        rows = connection.execute("SELECT worker, sequence FROM storm_writes WHERE storm = ?", (storm,)).fetchall()
        (integrity,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    finally:
        connection.close()
    found = _keys(*np.array(rows, dtype=np.int64).reshape(-1, 2).T)
    acknowledged = _keys(samples.worker[samples.committed], samples.sequence[samples.committed])
    unique = np.unique(found)
    if integrity == "ok" and broken is not None:
        integrity = f"foreign_key_check: row {broken[1]} of {broken[0]} refers to a missing row of {broken[2]}"
    return Evidence(
        lost=int(np.setdiff1d(acknowledged, unique).size),
        duplicated=int(found.size - unique.size),
        integrity=str(integrity),
    )


def _keys(worker: npt.NDArray[np.int64], sequence: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return worker << 32 | sequence
