"""From the samples of a storm to its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..error_base import StormError
from ..results.failures import WriteFailure
from ..results.ideal import ideal_latencies_us
from ..results.result import Counts, Quantiles, Slowdown, StormRun
from ..results.samples import EXHAUSTED, FAILED, Samples
from .plan import Plan
from .verification import Verification

__all__ = ["Observations", "analyse_storm"]

_CONTENDED_US = 500


@dataclass(frozen=True, slots=True)
class Observations:
    """What is known of a storm besides its samples. recorder_ns, failures, given_up, partial: as in StormRun."""

    evidence: Verification
    recorder_ns: float = 0.0
    failures: tuple[WriteFailure, ...] = ()
    given_up: tuple[WriteFailure, ...] = ()
    partial: str | None = None


def analyse_storm(plan: Plan, samples: Samples, findings: Observations) -> StormRun:
    """The result of the storm that `plan` described. Raises StormError where no write was attempted."""
    if not len(samples):
        raise StormError("no write was attempted before the storm ended; give it more time or a shorter think time")
    committed = samples.committed
    exhausted = int((samples.outcome == EXHAUSTED).sum())
    unseen = bool((samples.busy < 0).any())
    busy = int(samples.busy.sum())
    retries = int(samples.retries.sum())
    begins = busy + len(samples) - exhausted
    latency_us = samples.latency_us
    elapsed_s = max(float(samples.ended_us.max()) / 1e6, 1e-6)
    measured, ideal = Quantiles.of(latency_us), Quantiles.of(ideal_latencies_us(samples))
    workload = plan.resolved()
    backlog, kept = _backlog(samples, plan.workers) if samples.scheduled else (None, None)
    return StormRun(
        policy=plan.policy.name,
        policy_parameters=repr(plan.policy),
        workload=workload.name,
        workload_parameters=dict(workload.parameters),
        workers=plan.workers,
        writes=plan.writes,
        duration_s=plan.duration_s,
        rate_per_s=plan.rate_per_s,
        hold_ms=plan.hold_ms,
        think_ms=plan.think_ms,
        seed=plan.seed,
        database=plan.database,
        counts=Counts(
            attempted=len(samples),
            acknowledged=int(committed.sum()),
            busy=None if unseen else busy,
            retries=None if unseen else retries,
            exhausted=exhausted,
            failed=int((samples.outcome == FAILED).sum()),
            lost=findings.evidence.lost,
            duplicated=findings.evidence.duplicated,
        ),
        busy_rate=None if unseen or not begins else busy / begins,
        contended_rate=float((samples.wait_us > _CONTENDED_US).mean()) if samples.divided else None,
        retries_per_write=None if unseen else retries / len(samples),
        latency_ms=measured,
        ideal_ms=ideal,
        slowdown=Slowdown.of(measured, ideal),
        throughput_per_s=float(committed.sum()) / elapsed_s,
        utilization=float(samples.locked_us.sum()) / 1e6 / elapsed_s if samples.divided else None,
        fairness=_jain([float(latency_us[part].mean()) for part in samples.by_worker()]),
        elapsed_s=elapsed_s,
        backlog=backlog,
        kept=kept,
        recorder_ns=findings.recorder_ns,
        failures=findings.failures,
        partial=findings.partial,
        integrity=findings.evidence.integrity,
        samples=samples,
        given_up=findings.given_up,
    )


def _backlog(samples: Samples, workers: int) -> tuple[int, bool]:
    """Writes due and not begun when the last one was due, and whether the offered load could be kept.

    It could not when that backlog is more than a write per worker and grew in the second half of the schedule: by half
    at least, where a queue that merely fluctuates stays as it was and one that is never served doubles.
    """
    due, begun = samples.due_us, samples.due_us + samples.late_us
    last = int(due.max())
    at_end = int((begun > last).sum())
    at_half = int(((due <= last // 2) & (begun > last // 2)).sum())
    return at_end, not (at_end > workers and at_end > 1.5 * at_half)


def _jain(means: Sequence[float]) -> float | None:
    """Jain's fairness index: (sum x)^2 / (n sum x^2)."""
    values = np.array(means)
    squares = float((values**2).sum())
    return float(values.sum()) ** 2 / (len(values) * squares) if squares else None
