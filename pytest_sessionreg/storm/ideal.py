"""The ideal: the same writes through one perfect first-come-first-served lock. The limit that a policy is held to."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .samples import Samples

__all__ = ["ideal_latencies_us", "serve"]


def ideal_latencies_us(samples: Samples) -> npt.NDArray[np.float64]:
    """The latency that each write of `samples` would have had, in microseconds, in no particular order.

    Each worker keeps its own think times (all the time it spent outside waiting and holding, from the gate on) and each
    write the hold that was measured; a write that failed counts the run's median hold (DESIGN, words).
    """
    committed = samples.committed
    median_hold = float(np.median(samples.hold_us[committed])) if committed.any() else 0.0
    holds = np.where(committed, samples.hold_us, median_hold)
    thinks: list[list[float]] = []
    services: list[list[float]] = []
    for part in samples.by_worker():
        started = samples.started_us[part]
        ended = started + samples.latency_us[part]
        thinks.append(np.maximum(started - np.concatenate(([0], ended[:-1])), 0).tolist())
        services.append(holds[part].tolist())
    return np.array(serve(thinks, services), dtype=np.float64)


def serve(thinks: Sequence[Sequence[float]], holds: Sequence[Sequence[float]]) -> list[float]:
    """Latencies of a closed loop through one first-come-first-served lock, in the order of service.

    thinks and holds: one sequence per worker, equally long. Worker w arrives for its first write at thinks[w][0], and
    for each further one a think after the one before was done. Arrivals at the same instant are served in the workers'
    order.
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
        write += 1
        if write < len(thinks[worker]):
            next_write[worker] = write
            heapq.heapreplace(arrivals, (free_at + thinks[worker][write], worker))
        else:
            heapq.heappop(arrivals)
    return latencies
