"""The ideal: the same writes through one perfect first-come-first-served lock. The limit that a policy is held to.

What it says, and what not: docs/measuring.md#the-ideal.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .samples import Samples

__all__ = ["closed_loop", "ideal_latencies_us", "serve", "serve_arrivals"]


def ideal_latencies_us(samples: Samples) -> npt.NDArray[np.float64]:
    """The latency that each write of `samples` would have had, in microseconds, in no particular order; none where wait
    and hold are unknown.

    In a closed loop each worker keeps its own think times and holds (closed_loop); in an open one each write comes when
    it was scheduled, with its hold. What a hook spends before and after is kept, too.
    """
    if not samples.divided:
        return np.empty(0)
    besides_us = samples.before_us + samples.after_us
    if samples.scheduled:
        return serve_arrivals(samples.due_us + samples.before_us, _holds_us(samples)) + besides_us
    thinks, holds = closed_loop(samples)
    if not besides_us.any():
        return np.array(serve(thinks, holds), dtype=np.float64)
    order: list[int] = []
    latencies = np.array(serve(thinks, holds, order), dtype=np.float64)
    by_worker: npt.NDArray[np.float64] = latencies[np.argsort(order, kind="stable")]  # as the samples are
    return by_worker + besides_us


def closed_loop(samples: Samples) -> tuple[list[list[float]], list[list[float]]]:
    """The think times and the holds of each worker that wrote, in microseconds, as `serve` takes them.

    A think time is all the time that a worker spent outside waiting and holding, from the gate on.
    """
    locked_us, holds_us = samples.locked_us, _holds_us(samples)
    thinks: list[list[float]] = []
    holds: list[list[float]] = []
    for part in samples.by_worker():
        started = samples.started_us[part]
        held_until = started + samples.wait_us[part] + locked_us[part]
        thinks.append(np.maximum(np.diff(held_until, prepend=0) - (held_until - started), 0).tolist())
        holds.append(holds_us[part].tolist())
    return thinks, holds


def _holds_us(samples: Samples) -> npt.NDArray[np.float64]:
    """Each write's hold as it was measured, as far as it can have been one (Samples.locked_us); one that failed counts
    the run's median hold.
    """
    committed, locked_us = samples.committed, samples.locked_us
    median_us = float(np.median(locked_us[committed])) if committed.any() else 0.0
    return np.where(committed, locked_us, median_us)


def serve_arrivals(arrivals: npt.NDArray[np.int64], holds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Latencies of an open loop through one first-come-first-served lock, in the order of `arrivals`.

    Write i arrives at arrivals[i], whatever became of those before it, and holds for holds[i].
    """
    order = np.argsort(arrivals, kind="stable")
    arrived = arrivals[order]
    served = np.cumsum(holds[order])
    # done[i] = max(arrived[i], done[i-1]) + hold[i], unrolled
    done = served + np.maximum.accumulate(arrived - (served - holds[order]))
    latencies = np.empty(len(arrived))
    latencies[order] = done - arrived
    return latencies


def serve(
    thinks: Sequence[Sequence[float]], holds: Sequence[Sequence[float]], order: list[int] | None = None
) -> list[float]:
    """Latencies of a closed loop through one first-come-first-served lock, in the order of service.

    thinks and holds: one sequence per worker, equally long. Worker w arrives for its first write at thinks[w][0], and
        for each further one a think after the one before was done. Arrivals at the same instant are served in the
        workers' order.
    order: receives the number of each served write's worker.
    """
    arrivals = [(think[0], worker) for worker, think in enumerate(thinks) if think]
    heapq.heapify(arrivals)
    next_write = [0] * len(thinks)
    latencies: list[float] = []
    free_at = 0.0
    while arrivals:
        arrival, worker = arrivals[0]
        write = next_write[worker]
        free_at = max(arrival, free_at) + holds[worker][write]
        latencies.append(free_at - arrival)
        if order is not None:
            order.append(worker)
        write += 1
        if write < len(thinks[worker]):
            next_write[worker] = write
            heapq.heapreplace(arrivals, (free_at + thinks[worker][write], worker))
        else:
            heapq.heappop(arrivals)
    return latencies
