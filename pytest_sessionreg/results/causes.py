"""Why a storm was slow: what its own samples say, the likeliest first. Never more than they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .ideal import ideal_latencies_us
from .result import StormRun
from .samples import Samples

__all__ = ["Cause", "likeliest_causes"]

# Below these a cause is what any storm shows by chance: twice the others' mean for a worker, a half more for a half.
_STARVED = 2.0
_GREW = 1.5
_LONG_HOLD = 5.0
_WASTED = 1.5
_SATURATED = 0.9


@dataclass(frozen=True, slots=True)
class Cause:
    """weight: how many times it is what it should be; causes are ranked by it.
    text: with the figures it rests on.
    """

    weight: float
    text: str


def likeliest_causes(runs: Sequence[StormRun], *, most: int = 2) -> tuple[Cause, ...]:
    """The `most` likeliest causes of the latency in `runs`, which are rounds of one storm; fewer where the samples show
    fewer. Each is taken from the round in which it was strongest, and has to show in half of the rounds at least.
    """
    found = []
    for look in (_one_starved_worker, _one_long_hold, _holds_grew, _retries_grew, _wasted_waits, _lock_saturated):
        seen = [cause for cause in map(look, runs) if cause is not None]
        if seen and 2 * len(seen) >= len(runs):
            found.append(max(seen, key=lambda cause: cause.weight))
    return tuple(sorted(found, key=lambda cause: -cause.weight)[:most])


def _one_starved_worker(run: StormRun) -> Cause | None:
    """One worker, whose writes took far longer than those of the others."""
    samples = run.samples
    parts = list(samples.by_worker())
    if len(parts) < 3:
        return None
    means = np.array([float(samples.latency_us[part].mean()) for part in parts])
    worst = int(means.argmax())
    others = float(np.median(np.delete(means, worst)))
    if others <= 0 or means[worst] < _STARVED * others:
        return None
    worker = int(samples.worker[parts[worst].start])
    return Cause(
        means[worst] / others,
        f"worker {worker} starved: its writes took {_ms(means[worst])} ms on average, half of the others took at most "
        f"{_ms(others)} ms",
    )


def _one_long_hold(run: StormRun) -> Cause | None:
    """One transaction that kept the lock so long that the tail is made of those who waited for it."""
    samples = run.samples
    if not samples.divided or not samples.committed.any():
        return None
    locked_us = samples.locked_us
    longest = int(locked_us.argmax())
    hold_us, median_us = int(locked_us[longest]), float(np.median(locked_us[samples.committed]))
    tail_us = float(np.quantile(samples.latency_us, 0.9))
    if hold_us < _LONG_HOLD * median_us or hold_us < tail_us:
        return None
    return Cause(
        hold_us / max(tail_us, 1.0),
        f"one transaction held the lock for {_ms(hold_us)} ms (worker {samples.worker[longest]}, write "
        f"{samples.sequence[longest]}); the median hold is {_ms(median_us)} ms",
    )


def _holds_grew(run: StormRun) -> Cause | None:
    samples = run.samples
    if not samples.divided:
        return None
    halves = _halves(samples, samples.locked_us, samples.committed)
    if halves is None or halves[1] < _GREW * halves[0]:
        return None
    return Cause(
        halves[1] / halves[0],
        f"holds grew: {_ms(halves[0])} ms in the storm's first half (median), {_ms(halves[1])} ms in its second",
    )


def _retries_grew(run: StormRun) -> Cause | None:
    """More retries in the second half although no more writes came."""
    samples = run.samples
    if run.retries_per_write is None:
        return None
    first, second = _split(samples)
    if not first.any() or not second.any() or second.sum() > 1.1 * first.sum():
        return None
    before, after = float(samples.retries[first].mean()), float(samples.retries[second].mean())
    if after < _GREW * max(before, 0.5):
        return None
    return Cause(
        after / max(before, 0.5),
        f"retries grew at equal load: {before:.2f} a write in the storm's first half, {after:.2f} in its second",
    )


def _wasted_waits(run: StormRun) -> Cause | None:
    """Waits far beyond those that the load itself makes: the policy's sleeping, polling and overtaking."""
    samples = run.samples
    ideal_us = ideal_latencies_us(samples)
    if not len(ideal_us) or not ideal_us.mean():
        return None
    mean_us, least_us = float(samples.latency_us.mean()), float(ideal_us.mean())
    if mean_us < _WASTED * least_us:
        return None
    retried = "" if run.retries_per_write is None else f", with {run.retries_per_write:.2f} retries a write"
    return Cause(
        mean_us / least_us,
        f"waits are the policy's, not the load's: a write took {_ms(mean_us)} ms on average under {run.policy}"
        f"{retried}; first come, first served it would take {_ms(least_us)} ms",
    )


def _lock_saturated(run: StormRun) -> Cause | None:
    if run.kept is False:
        return Cause(
            2.0, f"the offered load of {run.rate_per_s:g} writes/s could not be kept: {run.backlog} writes were overdue"
        )
    if run.utilization is None or run.utilization < _SATURATED:
        return None
    return Cause(
        1 + run.utilization,
        f"the lock was held {run.utilization * 100:.0f} % of the time: the writers ask for more than it can serve",
    )


def _split(samples: Samples) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The writes due in the first and in the second half of the storm."""
    due_us = samples.due_us
    first: npt.NDArray[np.bool_] = due_us <= (int(due_us.min()) + int(due_us.max())) / 2
    return first, ~first


def _halves(
    samples: Samples, values: npt.NDArray[np.int64], counted: npt.NDArray[np.bool_]
) -> tuple[float, float] | None:
    """The medians of `values` over the counted writes of each half; None where a half has too few to have one."""
    medians = []
    for half in _split(samples):
        chosen = values[half & counted]
        if len(chosen) < 10:
            return None
        medians.append(float(np.median(chosen)))
    return (medians[0], medians[1]) if medians[0] > 0 else None


def _ms(microseconds: float) -> str:
    return f"{microseconds / 1000:.3g}" if microseconds < 1e6 else f"{microseconds / 1000:.0f}"
