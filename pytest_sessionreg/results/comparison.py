"""What two results, or a policy and its control, may be said to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from .environment import Environment
from .ratios import FEWEST_ROUNDS, Ratio, paired_ratio, unpaired_ratio
from .result import StormResult, StormRun
from .summary import PolicySummary, partial_reason, rounds_by_policy, summarize_policy

__all__ = [
    "CONTROL",
    "MEASURES",
    "AgainstControl",
    "Comparison",
    "PolicyComparison",
    "RoundFigure",
    "against_control",
    "compare",
]

# What every user of SQLite has without doing anything, and so the mark that a policy has to beat.
CONTROL = "busy-timeout"

# Two boots of one machine may report a little more or less of it.
_MEMORY_TOLERANCE_GIB = 0.5


@dataclass(frozen=True, slots=True)
class RoundFigure:
    """One figure of a round.

    name: e.g. "p99 ms".
    title: the same in words.
    less_is_better: whether a ratio below 1 is an improvement.
    """

    name: str
    title: str
    less_is_better: bool
    of: Callable[[StormRun], float | None]


MEASURES = (
    RoundFigure("p99 ms", "latency at p99", less_is_better=True, of=lambda run: run.latency_ms.p99),
    RoundFigure("p99 /ideal", "slowdown at p99", less_is_better=True, of=lambda run: run.slowdown.p99),
    RoundFigure("writes/s", "throughput", less_is_better=False, of=lambda run: run.throughput_per_s),
)


@dataclass(frozen=True, slots=True)
class AgainstControl:
    """One policy's ratios to the control of the same rounds, one per measure, in the measures' order."""

    policy: str
    ratios: tuple[Ratio, ...]


def against_control(runs: Iterable[StormRun], control: str = CONTROL) -> tuple[AgainstControl, ...]:
    """Every policy but `control`, set against it round by round; none where `control` did not run, or only it did.

    A round that ended early counts for no policy's ratio.
    """
    by_round = {
        policy: {run.round: run for run in rounds if partial_reason(run) is None}
        for policy, rounds in rounds_by_policy(runs).items()
    }
    marks = by_round.pop(control, {})
    found = []
    for policy, rounds in by_round.items():
        both = [(rounds[number], marks[number]) for number in sorted(rounds.keys() & marks.keys())]
        ratios = tuple(
            paired_ratio([measure.of(run) for run, _ in both], [measure.of(mark) for _, mark in both])
            for measure in MEASURES
        )
        if both:
            found.append(AgainstControl(policy, ratios))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    """One policy in both results.

    a, b: how it stands in each.
    ratios: b to a, one per measure; None where the results may only be shown side by side.
    verdict: "faster", "slower", "no difference shown", "too few rounds", "too few writes for a p99", "damage in B" and
        the like, or None where nothing may be judged.
    """

    policy: str
    a: PolicySummary
    b: PolicySummary
    ratios: tuple[Ratio, ...] | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results side by side.

    differences: what of the machine, the software or the load is not the same, in words; where there is any, nothing is
        judged.
    only_a, only_b: policies that one of them alone has.
    """

    differences: tuple[str, ...]
    policies: tuple[PolicyComparison, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare(a: StormResult, b: StormResult) -> Comparison:
    """What `b` shows against `a`. Results of different machines, versions or loads are never judged."""
    differences = (*_environments(a.environment, b.environment), *_loads(a.runs[0], b.runs[0]))
    of_a, of_b = rounds_by_policy(a.runs), rounds_by_policy(b.runs)
    shared = [policy for policy in of_a if policy in of_b]
    return Comparison(
        differences=differences,
        policies=tuple(_policy(of_a[policy], of_b[policy], judged=not differences) for policy in shared),
        only_a=tuple(policy for policy in of_a if policy not in of_b),
        only_b=tuple(policy for policy in of_b if policy not in of_a),
    )


def _policy(of_a: tuple[StormRun, ...], of_b: tuple[StormRun, ...], *, judged: bool) -> PolicyComparison:
    a, b = summarize_policy(of_a), summarize_policy(of_b)
    if not judged:
        return PolicyComparison(a.policy, a, b, None, None)
    whole_a, whole_b = ([run for run in side if partial_reason(run) is None] for side in (of_a, of_b))
    ratios = tuple(unpaired_ratio([*map(measure.of, whole_b)], [*map(measure.of, whole_a)]) for measure in MEASURES)
    return PolicyComparison(a.policy, a, b, ratios, _verdict(a, b, ratios[0]))


def _verdict(a: PolicySummary, b: PolicySummary, latency: Ratio) -> str:
    """Of the latency at p99; but a write that is lost or never happened is no fast one."""
    if a.broken or b.broken:
        where = "both" if a.broken and b.broken else "A" if a.broken else "B"
        return f"damage in {where}"
    if min(a.whole_rounds, b.whole_rounds) < FEWEST_ROUNDS:
        return "too few rounds"
    if min(latency.over, latency.under) < FEWEST_ROUNDS:
        return "too few writes for a p99"
    if latency.differs and latency.middle is not None:
        return "faster" if latency.middle < 1 else "slower"
    return "no difference shown"


def _environments(a: Environment, b: Environment) -> tuple[str, ...]:
    found = []
    for entry in fields(Environment):
        left, right = getattr(a, entry.name), getattr(b, entry.name)
        if entry.name in ("load_1m", "wal_reset_bug"):  # of a moment; a consequence of the version
            continue
        if entry.name == "memory_gib" and abs(left - right) <= _MEMORY_TOLERANCE_GIB:
            continue
        if left != right:
            found.append(f"{entry.name.replace('_', ' ')} {left} in A, {right} in B")
    return tuple(found)


def _loads(a: StormRun, b: StormRun) -> tuple[str, ...]:
    """The seed is no part of the load: it draws the think times, of which the rounds are samples."""
    found = []
    for name in ("workload", "workers", "writes", "duration_s", "hold_ms", "think_ms", "rate_per_s"):
        left, right = getattr(a, name), getattr(b, name)
        if left != right:
            found.append(f"{name.replace('_', ' ')} {left} in A, {right} in B")
    return tuple(found)
