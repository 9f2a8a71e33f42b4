"""The ideal of a storm whose function does its own transactions: wait and hold are unknown there, but what a write
takes that nobody disturbs can be measured.
"""

from __future__ import annotations

import numpy as np

from ..error_base import StormError
from .ideal import serve
from .result import Quantiles, Slowdown, StormRun

__all__ = ["ideal_from_alone"]


def ideal_from_alone(run: StormRun, alone: StormRun) -> tuple[Quantiles, Slowdown]:
    """The latencies that the writes of `run` would have had one at a time, first come, first served, each taking as
    long as a write of `alone`; and `run`'s slowdown over them.

    alone: a storm of the same function with one worker. Each worker of `run` keeps its own think times; a service time
    is drawn from the acknowledged writes of `alone`, always the same ones for the same seed. The whole call counts as
    service, also its part outside the lock, which writers can do side by side: this ideal is slower than the lock's
    own, the slowdown rather too small, and below 1.0 where that part is long. Raises StormError where `alone` is no
    such storm, and for a `run` that knows its own ideal or kept a schedule.
    """
    if run.samples.divided or run.samples.scheduled:
        raise StormError(f"{run.workload}: its own ideal is known, or it ran on a schedule; take run.slowdown")
    committed = alone.samples.committed
    if alone.workers != 1 or alone.workload != run.workload or not committed.any():
        raise StormError(
            f"alone is a storm of {alone.workload} with {alone.workers} workers and {int(committed.sum())} "
            f"acknowledged writes; give one of {run.workload} with one worker"
        )
    took_us = alone.samples.latency_us[committed]
    draw = np.random.default_rng(run.seed)
    thinks: list[list[float]] = []
    services: list[list[float]] = []
    for part in run.samples.by_worker():
        ended_us = run.samples.ended_us[part]
        begun_us = ended_us - run.samples.latency_us[part]
        thinks.append(np.maximum(begun_us - np.concatenate([[0], ended_us[:-1]]), 0).tolist())
        services.append(draw.choice(took_us, len(ended_us)).astype(float).tolist())
    ideal = Quantiles.of(np.array(serve(thinks, services)))
    return ideal, Slowdown.of(run.latency_ms, ideal)
