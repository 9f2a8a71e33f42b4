"""What the database holds after a storm, set against the ledgers."""

from __future__ import annotations

import os
import sqlite3
from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import storm_writes
from .samples import Samples
from .storm_writes import CREATE_TABLE

__all__ = ["CREATE_TABLE", "Evidence", "accounted", "examine", "integrity"]

_READ_PATIENCE_S = 30.0

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """lost: acknowledged writes without a row. duplicated: rows beyond the first of a write. Both None where nobody
    could tell which writes the database holds. integrity: "ok" or the first complaint; None where no file is.
    """

    lost: int | None
    duplicated: int | None
    integrity: str | None


def examine(database: str, storm: str, samples: Samples) -> Evidence:
    """Compare `samples` with the rows of `storm`, through a fresh connection that knows nothing of the registry."""
    return accounted(storm_writes.rows(database, storm), samples, integrity(database))


def accounted(
    written: array[int] | None, samples: Samples, complaint: str | None, *, before: array[int] | None = None
) -> Evidence:
    """Compare `samples` with the writes that a database holds (see Workload.written), of which `before` were there
    already.
    """
    if written is None:
        return Evidence(lost=None, duplicated=None, integrity=complaint)
    acknowledged = samples.worker[samples.committed] << 32 | samples.sequence[samples.committed]
    found, times = np.unique(np.frombuffer(written, dtype=np.int64), return_counts=True)
    if before:
        known, known_times = np.unique(np.frombuffer(before, dtype=np.int64), return_counts=True)
        times = times - _times_of(found, known, known_times)
        found, times = found[times > 0], times[times > 0]
    return Evidence(
        lost=int(np.setdiff1d(acknowledged, found).size),
        duplicated=int((times - 1).sum()),
        integrity=complaint,
    )


def integrity(database: str, *, foreign_keys: bool = True) -> str | None:
    """The first complaint of integrity_check, and if `foreign_keys` of foreign_key_check, or "ok"; None for a path
    where no file is.
    """
    if not os.path.isfile(database):
        return None
    connection = sqlite3.connect(database, timeout=_READ_PATIENCE_S)
    try:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        broken = connection.execute("PRAGMA foreign_key_check").fetchone() if foreign_keys else None
    finally:
        connection.close()
    if found == "ok" and broken is not None:
        return f"foreign_key_check: row {broken[1]} of {broken[0]} refers to a missing row of {broken[2]}"
    return str(found)


def _times_of(keys: Keys, known: Keys, times: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """How often each of `keys` is among `known`, which are sorted and come `times` each."""
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, times[places], 0)
