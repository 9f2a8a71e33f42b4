"""What a reader must know of a storm beside its figures."""

from __future__ import annotations

from collections.abc import Sequence

from ..storm.result import Run

__all__ = ["remarks"]


def remarks(runs: Sequence[Run]) -> list[str]:
    """A sentence for each thing that the figures of `runs` do not show, in the order of its weight."""
    found = [f"{run.policy}: partial, {_first_line(run.partial)}" for run in runs if run.partial is not None]
    found += [_failed(run) for run in runs if run.failures]
    found += [
        f"{run.policy}: whether writes were lost was not checked; give the workload an acknowledged(path) beside it"
        for run in runs
        if run.lost is None
    ]
    found += [
        f"{run.policy}: the offered load of {run.rate_per_s:g} writes/s could not be kept; {run.backlog} writes were "
        "due and not begun when the last one was, and latencies grow with the length of the storm"
        for run in runs
        if run.kept is False
    ]
    found.append(_loop(runs[0]))
    cost_us = max(run.recorder_ns for run in runs) / 1000
    found.append(f"recording cost {cost_us:.1f} us a write")
    return found


def _loop(run: Run) -> str:
    if run.loop == "open":
        return f"open loop: {run.rate_per_s:g} writes/s on a fixed schedule, each measured from its scheduled instant"
    return "closed loop: a worker's next write waits for the one before, so slow writes also lower the load"


def _failed(run: Run) -> str:
    first = run.failures[0]
    others = len(run.failures) - 1
    more = f", and {others} other {'kind' if others == 1 else 'kinds'}" if others else ""
    return (
        f"{run.policy}: {run.counts.failed} of {run.counts.attempted} writes failed, {first.count} with {first.line()}"
        f"{more}; first in write {first.sequence} of worker {first.worker}"
    )


def _first_line(reason: str) -> str:
    return reason.splitlines()[0]
