"""A write storm from start to verdict: prepare the file, let the workers loose, collect the ledgers, check the
database.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from ..processes import Call, Group, WorkerFailed
from ..registry import Registry, RegistryError
from ..registry.admission.busy_timeout import BusyTimeout
from .errors import StormError
from .evidence import CREATE_TABLE, examine
from .ideal import ideal_latencies_us
from .plan import Plan
from .result import Counts, Quantiles, Run, Slowdown
from .samples import EXHAUSTED, FAILED, Samples, read_counters
from .worker import SETUP_PATIENCE_S, Job, prepare

__all__ = ["Progress", "run_storm"]

_CONTENDED_US = 500
_WORKER_MODULE = prepare.__module__
_OUR_ERRORS = (RegistryError.__module__, StormError.__module__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a storm stands: writes recorded of those planned (None by duration), seconds since the gate, and the rates so
    far.
    """

    policy: str
    done: int
    planned: int | None
    elapsed_s: float
    writes_per_s: float
    busy_rate: float | None


def run_storm(plan: Plan, on_progress: Callable[[Progress], None] | None = None) -> Run:
    """Run the storm `plan` describes. on_progress is called about ten times a second while the workers write.

    Raises StormError or RegistryError when the file cannot be used, ProcessError when a worker fails, dies or hangs.
    Nothing is left behind but `plan.database`, if one was named: there the storm's own table and sessions are removed
    again.
    """
    with tempfile.TemporaryDirectory(prefix="sessionreg-storm-") as scratch:
        database = os.path.abspath(plan.database or os.path.join(scratch, "storm.db"))
        storm = f"storm-{os.path.basename(scratch)}"
        with (
            Registry.open(database, policy=BusyTimeout(SETUP_PATIENCE_S)) as registry,
            registry.transaction() as setup,
        ):
            setup.execute(CREATE_TABLE)
        try:
            opened_ns = _blow(plan, database, storm, scratch, on_progress)
            samples = Samples.read(_ledgers(scratch, plan.workers), opened_ns=opened_ns)
            return _judged(plan, samples, database, storm)
        finally:
            if plan.database is not None:
                _clear(database, storm)


def _blow(
    plan: Plan,
    database: str,
    storm: str,
    scratch: str,
    on_progress: Callable[[Progress], None] | None,
) -> int:
    """Let the workers write; the instant at which the gate opened, in monotonic nanoseconds."""
    ledgers = _ledgers(scratch, plan.workers)
    calls = [
        Call(
            prepare,
            (
                Job(
                    database=database,
                    ledger=ledger,
                    storm=storm,
                    worker=worker,
                    policy=plan.policy,
                    workload=plan.workload,
                    writes=plan.writes,
                    duration_s=plan.duration_s,
                    hold_s=plan.hold_ms / 1000,
                    think_s=plan.think_ms / 1000,
                    seed=plan.seed,
                ),
            ),
        )
        for worker, ledger in enumerate(ledgers)
    ]
    planned = None if plan.writes is None else plan.writes * plan.workers
    try:
        with Group(calls, deadline_s=plan.deadline_s(), preload=[_WORKER_MODULE], scratch=scratch) as group:
            group.wait_until_ready()
            started = monotonic()
            opened_ns = group.open_gate()

            def tick() -> None:
                if on_progress is not None:
                    on_progress(_progress(plan.policy.name, planned, monotonic() - started, ledgers))

            group.results(tick)
            return opened_ns
    except WorkerFailed as error:
        first = error.failures[min(error.failures)]
        if first.kind.startswith(_OUR_ERRORS):
            # our own messages name the object, its state and the remedy; a traceback adds nothing
            raise StormError(f"worker {min(error.failures)}: {first.message}") from error
        raise


def _ledgers(scratch: str, workers: int) -> list[str]:
    return [os.path.join(scratch, f"{worker}.ledger") for worker in range(workers)]


def _progress(policy: str, planned: int | None, elapsed_s: float, ledgers: Sequence[str]) -> Progress:
    done, busy, begins = read_counters(ledgers)
    return Progress(
        policy=policy,
        done=done,
        planned=planned,
        elapsed_s=elapsed_s,
        writes_per_s=done / elapsed_s if elapsed_s else 0.0,
        busy_rate=busy / begins if begins else None,
    )


def _judged(plan: Plan, samples: Samples, database: str, storm: str) -> Run:
    if not len(samples):
        raise StormError("no write was attempted before the storm ended; give it more time or a shorter think time")
    evidence = examine(database, storm, samples)
    committed = samples.committed
    exhausted = int((samples.outcome == EXHAUSTED).sum())
    unseen = bool((samples.busy < 0).any())
    busy = int(samples.busy.sum())
    retries = int(samples.retries.sum())
    begins = busy + len(samples) - exhausted
    latency_us = samples.latency_us
    elapsed_s = float((samples.started_us + latency_us).max()) / 1e6
    measured, ideal = Quantiles.of(latency_us), Quantiles.of(ideal_latencies_us(samples))
    return Run(
        policy=plan.policy.name,
        policy_parameters=repr(plan.policy),
        workload=plan.workload,
        workers=plan.workers,
        writes=plan.writes,
        duration_s=plan.duration_s,
        hold_ms=plan.hold_ms,
        think_ms=plan.think_ms,
        seed=plan.seed,
        counts=Counts(
            attempted=len(samples),
            acknowledged=int(committed.sum()),
            busy=None if unseen else busy,
            retries=None if unseen else retries,
            exhausted=exhausted,
            failed=int((samples.outcome == FAILED).sum()),
            lost=evidence.lost,
            duplicated=evidence.duplicated,
        ),
        busy_rate=None if unseen or not begins else busy / begins,
        contended_rate=float((samples.wait_us > _CONTENDED_US).mean()),
        retries_per_write=None if unseen else retries / len(samples),
        latency_ms=measured,
        ideal_ms=ideal,
        slowdown=Slowdown.of(measured, ideal),
        throughput_per_s=float(committed.sum()) / elapsed_s,
        utilization=float(samples.hold_us.sum()) / 1e6 / elapsed_s,
        fairness=_jain([float(latency_us[part].mean()) for part in samples.by_worker()]),
        elapsed_s=elapsed_s,
        integrity=evidence.integrity,
        samples=samples,
    )


def _jain(means: Sequence[float]) -> float | None:
    """Jain's fairness index: (sum x)^2 / (n sum x^2)."""
    values = np.array(means)
    squares = float((values**2).sum())
    return float(values.sum()) ** 2 / (len(values) * squares) if squares else None


def _clear(database: str, storm: str) -> None:
    """Take the storm's rows out of a file that the user named."""
    try:
        with (
            Registry.open(database, policy=BusyTimeout(SETUP_PATIENCE_S)) as registry,
            registry.transaction() as cleanup,
        ):
            cleanup.execute("DROP TABLE storm_writes")
            cleanup.execute("DELETE FROM sessions WHERE workspace_id = ?", (storm,))
    except (RegistryError, sqlite3.Error):
        return  # the storm's own error, if any, says more; rows of a finished storm do no harm
