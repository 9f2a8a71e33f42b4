"""The conclusion of a storm: one sentence that says whether the 15-retry budget holds at this load, and what would."""

from __future__ import annotations

from collections.abc import Sequence

from ..results.policies import Own
from ..results.result import StormRun
from ..results.summary import PolicySummary, summarize_policies
from .figures import milliseconds, percent, times

__all__ = ["conclusion", "load"]

# A policy "holds" when it gave up no write, lost none, and its tail stays within twice that of a perfect queue.
_HOLDS_SLOWDOWN_P99 = 2.0


def load(run: StormRun) -> str:
    """The load in words, e.g. "32 writers, 2 ms hold, 150 ms think time, closed loop"; a workload other than heartbeat
    by name.
    """
    writers = "1 writer" if run.workers == 1 else f"{run.workers} writers"
    rate = run.rate_per_s
    loop = f"{run.think_ms:g} ms think time, closed loop" if rate is None else f"open loop, {rate:g}/s"
    workload = "" if run.workload == "heartbeat" else f", workload {run.workload}"
    return f"{writers}, {run.hold_ms:g} ms hold, {loop}{workload}"


def conclusion(runs: Sequence[StormRun]) -> str:
    """The sentence for `runs`, all of one load: each policy once, or all its rounds."""
    every = summarize_policies(runs)
    at = f"{_partial_in_words(every)}At {load(runs[0])}{_rounds(every)},"
    broken = [policy for policy in every if policy.broken]
    if broken:
        return f"{at} {'; '.join(map(_damage, broken))}. Nothing else matters until that is explained."
    if all(policy.failed == policy.attempted for policy in every):
        return f"{at} every write failed, and not for want of the lock. See to that first."
    unchecked = " Whether writes were lost was not checked." if any(policy.unchecked for policy in every) else ""
    return f"{at} {_findings(every)}.{_failures(every)}{unchecked}"


def _findings(every: Sequence[PolicySummary]) -> str:
    budget = next((policy for policy in every if policy.policy == "budget"), None)
    others = [policy for policy in every if policy is not budget]
    if budget is not None:
        return f"{_budget(budget)}{_alternative(budget, others)}"
    admitted = any(policy.policy != Own.name for policy in every)  # else no policy applies
    advice = ". Add --policy budget to see how the 15-retry budget compares" if admitted else ""
    return f"{'; '.join(map(_policy_in_words, others))}{advice}"


def _failures(every: Sequence[PolicySummary]) -> str:
    """Writes that failed say nothing of a policy: it gave up none of them."""
    failed = [f"{policy.failed} of {policy.attempted} under {policy.policy}" for policy in every if policy.failed]
    return f" Writes failed, and not for want of the lock: {', '.join(failed)}." if failed else ""


def _partial_in_words(every: Sequence[PolicySummary]) -> str:
    reasons = {policy.policy: policy.partial[0] for policy in every if policy.partial}
    if reasons:
        return f"Partial result ({'; '.join(f'{name}: {reason}' for name, reason in reasons.items())}). "
    if any(policy.rounds < policy.planned_rounds for policy in every):
        least = min(policy.rounds for policy in every)
        return f"Partial result ({least} of {every[0].planned_rounds} rounds). "
    return ""


def _rounds(every: Sequence[PolicySummary]) -> str:
    most = max(policy.rounds for policy in every)
    return f", over {most} rounds" if most > 1 else ""


def _budget(policy: PolicySummary) -> str:
    if policy.exhausted:
        never = f"{policy.exhausted} of {policy.attempted} writes never happened"
        return f"the 15-retry budget does not hold: {never} ({_tail(policy)})"
    if policy.slowdown.p99 is None:
        few = f"{policy.attempted // policy.rounds} writes {'a round ' if policy.rounds > 1 else ''}are too few"
        return f"the 15-retry budget gave up no write, but {few} for a p99"
    if policy.slowdown.p99 > _HOLDS_SLOWDOWN_P99:
        return f"the 15-retry budget gives up no write, but at a price: {_tail(policy)}"
    return f"the 15-retry budget holds: {_tail(policy)}"


def _alternative(budget: PolicySummary, others: Sequence[PolicySummary]) -> str:
    """What would hold where the budget does not: the policy with the shortest tail that gave up nothing."""
    candidates = [
        (policy.slowdown.p99, policy) for policy in others if not policy.exhausted and policy.slowdown.p99 is not None
    ]
    if not others:
        return "; add --policy queue to see what would do better"
    if not candidates:
        return "" if budget.slowdown.p99 is None else "; none of the others gave up nothing either"
    slowdown, best = min(candidates, key=lambda candidate: candidate[0])
    if budget.slowdown.p99 is not None and not budget.exhausted and slowdown >= budget.slowdown.p99:
        return "; no other policy did better"
    if slowdown > _HOLDS_SLOWDOWN_P99:
        return f"; {best.policy} does better, with {_tail(best)}"
    return f"; {best.policy} holds, with {_tail(best)}"


def _tail(policy: PolicySummary) -> str:
    if policy.slowdown.p99 is None:
        return f"longest {milliseconds(policy.latency_ms.max)} ms"
    return f"p99 {milliseconds(policy.latency_ms.p99)} ms, {times(policy.slowdown.p99)} the ideal"


def _policy_in_words(policy: PolicySummary) -> str:
    never = policy.exhausted
    gave_up = f"gave up {never} of {policy.attempted} writes" if never else "gave up no write"
    contended = "" if policy.contended_rate is None else f", contended {percent(policy.contended_rate)}"
    return f"{policy.policy} {gave_up} ({_tail(policy)}{contended})"


def _damage(policy: PolicySummary) -> str:
    what = []
    if policy.lost:
        what.append(f"lost {policy.lost} of {policy.acknowledged} acknowledged writes")
    if policy.duplicated:
        what.append(f"wrote {policy.duplicated} rows twice")
    if policy.damaged:
        what.append(f"left a damaged database ({policy.integrity})")
    return f"{policy.policy} {' and '.join(what)}"
