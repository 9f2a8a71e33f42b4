"""What the database holds after a storm, set against the ledgers."""

from __future__ import annotations

import os
import sqlite3
from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..results.samples import Samples

__all__ = ["Verification", "check_integrity", "verify_writes"]

_READ_PATIENCE_S = 30.0

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verification:
    """lost: acknowledged writes without a row.
    duplicated: rows beyond the first of a write. Both None where nobody could tell which writes the database holds.
    integrity: "ok" or the first complaint; None where no file is.
    """

    lost: int | None
    duplicated: int | None
    integrity: str | None


def verify_writes(
    written: array[int] | None, samples: Samples, complaint: str | None, *, before: array[int] | None = None
) -> Verification:
    """Compare `samples` with the writes that a database holds (see Workload.stored_writes), of which `before` were
    there already.
    """
    if written is None:
        return Verification(lost=None, duplicated=None, integrity=complaint)
    acknowledged = samples.worker[samples.committed] << 32 | samples.sequence[samples.committed]
    found = np.sort(np.frombuffer(written, dtype=np.int64))
    if before:
        found = _subtract(found, np.frombuffer(before, dtype=np.int64))
    return Verification(
        lost=int((~_is_among(acknowledged, found)).sum()),
        duplicated=int((found[1:] == found[:-1]).sum()),
        integrity=complaint,
    )


def check_integrity(database: str, *, foreign_keys: bool = True) -> str | None:
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


def _is_among(keys: Keys, found: Keys) -> npt.NDArray[np.bool_]:
    """Which of `keys` are in `found`, which is sorted."""
    if not len(found):
        return np.zeros(len(keys), dtype=np.bool_)
    places = np.minimum(np.searchsorted(found, keys), len(found) - 1)
    among: npt.NDArray[np.bool_] = found[places] == keys
    return among


def _subtract(found: Keys, before: Keys) -> Keys:
    """`found`, which is sorted, without one entry for each of `before` that is there."""
    keys, times = np.unique(found, return_counts=True)
    old, old_times = np.unique(before, return_counts=True)
    known = _is_among(keys, old)
    times[known] -= old_times[np.searchsorted(old, keys[known])]
    return np.repeat(keys, np.maximum(times, 0))
