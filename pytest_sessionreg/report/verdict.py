"""The verdict: one sentence that says whether the 15-retry budget holds at this load, and what would."""

from __future__ import annotations

from collections.abc import Sequence

from ..storm.result import Run
from .figures import milliseconds, percent, times

__all__ = ["load", "verdict"]

# A policy "holds" when it gave up no write, lost none, and its tail stays within twice that of a perfect queue.
_HOLDS_SLOWDOWN_P99 = 2.0


def load(run: Run) -> str:
    """The load in words, e.g. "32 writers, 2 ms hold, 150 ms think time"."""
    writers = "1 writer" if run.workers == 1 else f"{run.workers} writers"
    return f"{writers}, {run.hold_ms:g} ms hold, {run.think_ms:g} ms think time"


def verdict(runs: Sequence[Run]) -> str:
    """The sentence for `runs`, all of one load."""
    broken = [run for run in runs if run.damaged]
    if broken:
        return f"At {load(broken[0])}, {'; '.join(map(_damage, broken))}. Nothing else matters until that is explained."
    budget = next((run for run in runs if run.policy == "budget"), None)
    others = [run for run in runs if run is not budget]
    if budget is None:
        standings = "; ".join(map(_standing, others))
        return f"At {load(runs[0])}, {standings}. Add --policy budget to see how the 15-retry budget compares."
    return f"At {load(budget)}, {_budget(budget)}{_alternative(budget, others)}."


def _budget(run: Run) -> str:
    failed = run.counts.exhausted + run.counts.failed
    if failed:
        never = f"{failed} of {run.counts.attempted} writes never happened"
        return f"the 15-retry budget does not hold: {never} ({_tail(run)})"
    if run.slowdown.p99 is None:
        return f"the 15-retry budget gave up no write, but {run.counts.attempted} writes are too few for a p99"
    if run.slowdown.p99 > _HOLDS_SLOWDOWN_P99:
        return f"the 15-retry budget gives up no write, but at a price: {_tail(run)}"
    return f"the 15-retry budget holds: {_tail(run)}"


def _alternative(budget: Run, others: Sequence[Run]) -> str:
    """What would hold where the budget does not: the policy with the shortest tail that lost nothing."""
    holding = [
        run for run in others if not run.counts.exhausted and not run.counts.failed and run.slowdown.p99 is not None
    ]
    if not others:
        return "; add --policy queue to see what would do better"
    if not holding:
        return "" if budget.slowdown.p99 is None else "; none of the others gave up nothing either"
    best = min(holding, key=lambda run: run.slowdown.p99 or 0)
    if (
        budget.slowdown.p99 is not None
        and not budget.counts.exhausted
        and (best.slowdown.p99 or 0) >= budget.slowdown.p99
    ):
        return "; no other policy did better"
    return f"; {best.policy} holds, with {_tail(best)}"


def _tail(run: Run) -> str:
    if run.slowdown.p99 is None:
        return f"longest {milliseconds(run.latency_ms.max)} ms"
    return f"p99 {milliseconds(run.latency_ms.p99)} ms, {times(run.slowdown.p99)} the ideal"


def _standing(run: Run) -> str:
    failed = run.counts.exhausted + run.counts.failed
    gave_up = f"gave up {failed} of {run.counts.attempted} writes" if failed else "gave up no write"
    return f"{run.policy} {gave_up} ({_tail(run)}, contended {percent(run.contended_rate)})"


def _damage(run: Run) -> str:
    what = []
    if run.counts.lost:
        what.append(f"lost {run.counts.lost} of {run.counts.acknowledged} acknowledged writes")
    if run.counts.duplicated:
        what.append(f"wrote {run.counts.duplicated} rows twice")
    if run.integrity not in {None, "ok"}:
        what.append(f"left a damaged database ({run.integrity})")
    return f"{run.policy} {' and '.join(what)}"
