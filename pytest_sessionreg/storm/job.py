"""One worker's orders."""

from __future__ import annotations

from dataclasses import dataclass

from ..registry.sqlite.admission.policy import AdmissionPolicy

__all__ = ["SETUP_PATIENCE_S", "Job", "Site"]

# How long a storm may wait for the file's lock while it sets itself up, or takes its own rows away again.
SETUP_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where a storm rages.

    database: path of the file under test.
    named: whether the caller named it, so that it was there before and stays.
    storm: a name that no other storm on this database had.
    workers: how many.
    seed: repeats what a workload draws.
    """

    database: str
    named: bool
    storm: str
    workers: int
    seed: int


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker is to do.

    site: where.
    worker: its number, from 0.
    ledger: path of this worker's ledger, which must not exist.
    failures: path of its log of failures, likewise.
    origin: path of the file that holds the schedule's first instant once the barrier is released.
    writes: how many, or None to write for duration_s seconds.
    rate_per_s: writes per second over all workers, on a fixed schedule; None for a closed loop, which pauses think_s on
        average (exponential) before each write.
    hold_s: slept inside each transaction.
    workload: its name.
    """

    site: Site
    worker: int
    ledger: str
    failures: str
    origin: str
    policy: AdmissionPolicy
    workload: str
    writes: int | None
    duration_s: float | None
    rate_per_s: float | None
    hold_s: float
    think_s: float
