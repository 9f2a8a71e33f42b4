"""What a reader must know of a storm beside its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..results.failures import merge_failures
from ..results.result import StormRun
from ..results.summary import PolicySummary, rounds_by_policy

__all__ = ["storm_remarks", "summary_remarks"]


def summary_remarks(standings: Iterable[PolicySummary]) -> list[str]:
    """What has to be said beside the figures: what is partial or was not checked, and how rounds were put together."""
    found = []
    every = list(standings)
    for policy in every:
        if policy.partial:
            which = "" if policy.rounds == 1 else f" in {len(policy.partial)} of {policy.rounds} rounds"
            found.append(f"* {policy.policy} is partial{which}: {'; '.join(dict.fromkeys(policy.partial))}")
    for policy in every:
        if policy.rounds < policy.planned_rounds:
            found.append(f"{policy.policy}: {policy.rounds} of {policy.planned_rounds} rounds were run")
        if 0 < policy.unchecked < policy.rounds:
            found.append(f"{policy.policy}: lost writes were not looked for in {policy.unchecked} rounds")
    most = max((policy.rounds for policy in every), default=1)
    if most > 1:
        found.append(
            f"{most} rounds: counts are sums, shares are over all writes, max is the greatest; "
            "the other times and the rate are medians over rounds"
        )
    return found


def storm_remarks(runs: Sequence[StormRun]) -> list[str]:
    """A sentence for each thing that the figures of `runs` do not show, in the order of its weight."""
    every = rounds_by_policy(runs)
    found = [_failed(policy, rounds) for policy, rounds in every.items() if any(run.failures for run in rounds)]
    if any(run.lost is None for run in runs):
        found.append("to have lost writes looked for, give the workload an acknowledged(path) beside it")
    found += [
        _unkept_load(policy, rounds) for policy, rounds in every.items() if any(run.kept is False for run in rounds)
    ]
    found.append(_loop(runs[0]))
    cost_us = max(run.recorder_ns for run in runs) / 1000
    found.append(f"recording cost {cost_us:.1f} us a write")
    return found


def _unkept_load(policy: str, rounds: Sequence[StormRun]) -> str:
    worst = max((run for run in rounds if run.kept is False), key=lambda run: run.backlog or 0)
    number = f" in round {worst.round}" if worst.rounds > 1 else ""
    return (
        f"{policy}: the offered load of {worst.rate_per_s:g} writes/s could not be kept; {worst.backlog} writes were "
        f"due and not begun when the last one was{number}, and latencies grow with the length of the storm"
    )


def _loop(run: StormRun) -> str:
    if run.loop == "open":
        return f"open loop: {run.rate_per_s:g} writes/s on a fixed schedule, each measured from its scheduled instant"
    return "closed loop: a worker's next write waits for the one before, so slow writes also lower the load"


def _failed(policy: str, rounds: Sequence[StormRun]) -> str:
    failures = merge_failures(failure for run in rounds for failure in run.failures)
    first = failures[0]
    others = len(failures) - 1
    more = f", and {others} other {'kind' if others == 1 else 'kinds'}" if others else ""
    failed = sum(run.counts.failed for run in rounds)
    attempted = sum(run.counts.attempted for run in rounds)
    return (
        f"{policy}: {failed} of {attempted} writes failed, {first.count} with {first.line()}{more}; first in write "
        f"{first.sequence} of worker {first.worker}"
    )
