"""The child process of a storm: stands alone, imports no command line, plot or pytest."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..results.failures import FailureLog
from ..results.ledger import Ledger
from .job import Job
from .schedule import turns
from .workload import Workload

__all__ = ["Job", "prepare"]


def prepare(workload: Workload, job: Job) -> Callable[[], None]:
    """Set the worker up, and return what it does once the barrier is released."""
    random.seed(f"{job.site.seed}/{job.worker}/jitter")
    ledger = Ledger(job.ledger)
    failures = FailureLog(job.failures, job.worker)
    writer = workload.writer(job, ledger, failures)

    def run() -> None:
        try:
            for sequence in turns(job, ledger):
                writer.write(sequence)
            writer.close()
        finally:
            failures.save()
            ledger.close()

    return run
