"""The child process of a storm: stands alone, imports no command line, plot or pytest."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from time import monotonic, sleep

from ..registry import Registry, WriteTimeout
from ..registry.admission.busy_timeout import BusyTimeout
from ..registry.admission.policy import AdmissionPolicy
from ..registry.errors import DatabaseBusy
from .ledger import Ledger
from .workload import workload_named

__all__ = ["SETUP_PATIENCE_S", "Job", "prepare"]

# How long a worker may wait to set itself up before the gate, when all of them do so at once.
SETUP_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """One worker's orders.

    database: path of the file under test. ledger: path of this worker's ledger, which must not exist. storm: a name for
    the storm that no other storm on this database had. worker: its number. writes: how many, or None to write for
    duration_s seconds. hold_s: slept inside each transaction. think_s: mean of the exponential pause before each write.
    seed: repeats think times and jitter.
    """

    database: str
    ledger: str
    storm: str
    worker: int
    policy: AdmissionPolicy
    workload: str
    writes: int | None
    duration_s: float | None
    hold_s: float
    think_s: float
    seed: int


def prepare(job: Job) -> Callable[[], None]:
    """Set the worker up, and return what it does once the gate is open."""
    random.seed(f"{job.seed}/{job.worker}/jitter")
    workload = workload_named(job.workload, job.storm, job.worker)
    with Registry.open(job.database, workspace=job.storm, policy=BusyTimeout(SETUP_PATIENCE_S)) as registry:
        workload.prepare(registry)
    ledger = Ledger(job.ledger)
    registry = Registry.open(job.database, workspace=job.storm, policy=job.policy, observer=ledger)
    registry.sessions.list(status="finished")  # the first read loads the schema, which is not what is measured

    def run() -> None:
        think = random.Random(f"{job.seed}/{job.worker}/think")
        deadline = None if job.duration_s is None else monotonic() + job.duration_s
        for sequence in count() if job.writes is None else range(job.writes):
            if job.think_s:
                sleep(think.expovariate(1 / job.think_s))
            if deadline is not None and monotonic() >= deadline:
                break
            ledger.sequence = sequence
            try:
                with registry.transaction() as transaction:
                    workload.write(registry)
                    transaction.execute(
                        "INSERT INTO storm_writes (storm, worker, sequence) VALUES (?, ?, ?)",
                        (job.storm, job.worker, sequence),
                    )
                    if job.hold_s:
                        sleep(job.hold_s)
            except (WriteTimeout, DatabaseBusy):
                continue  # the ledger has it; anything else is not contention and ends the storm
        registry.close()
        ledger.close()

    return run
