"""The gate: whether a storm got worse than its baseline, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace

from ..results.environment import Environment
from ..results.result import StormRun
from ..storm.plan import Plan
from .baseline import Baseline
from .judgement import Judgement, Verdict, judge
from .measurement import Measurement, StormLoad, machine_class, measure_pairs
from .pairs import Ground, run_pairs, short_round

__all__ = ["measure_storm", "run_gate"]

# At the default load eight pairs take about eight seconds, so that a gate that has to look twice stays within twenty.
_ROUNDS = 8
_PATIENCE_S = 8.0
# A baseline is measured once and compared with often: its own noise is worth halving.
_BASELINE_ROUNDS = 16
_BASELINE_PATIENCE_S = 16.0
# The second look must not draw the first one's think times again.
_SECOND_SEED = 1000


def run_gate(
    storm: str,
    plan: Plan,
    ground: Ground,
    baseline: Baseline,
    *,
    seen: Sequence[StormRun] = (),
    scale: float = 1.0,
    on_round: Callable[[int], None] | None = None,
) -> Judgement:
    """The verdict on the storm called `storm`, which `plan` describes and of which `seen` were run already.

    It is run only where there is something to compare with, and a second time, with other seeds, before it is said to
    have regressed; lost writes are what they are the first time. scale: rounds so many times as long as usual.
    """
    machine = machine_class(Environment.of(plan.location()))
    known = baseline.storms.get(storm, {})
    before = known.get(machine)
    if before is None:
        return _judge_without_baseline(storm, machine, known)
    damage = _damage(seen)
    if damage is not None:
        return Judgement(storm, Verdict.REGRESSED, damage, damage=damage)
    short = short_round(plan, scale)
    differences = _differences(before.load, StormLoad.of(short))
    if differences:
        reason = (
            f"another load than the baseline's: {differences}; run it at that load and scale, or update the baseline"
        )
        return Judgement(storm, Verdict.INCONCLUSIVE, reason)

    def look(seed: int) -> Judgement:
        pairs = run_pairs(
            replace(short, seed=seed), ground, most=_ROUNDS, patience_s=_PATIENCE_S * scale, on_round=on_round
        )
        now, damage = measure_pairs(short, pairs), _damage(pairs.subject)
        if damage is None:
            return judge(storm, now, before, pairs.subject, baseline.tolerances)
        return Judgement(storm, Verdict.REGRESSED, damage, measurement=now, rounds=len(pairs.subject), damage=damage)

    first = look(plan.seed)
    if first.verdict is not Verdict.REGRESSED or first.damage is not None:
        return first
    return _combine_looks(first, look(plan.seed + _SECOND_SEED))


def measure_storm(
    plan: Plan,
    ground: Ground,
    *,
    seen: Sequence[StormRun] = (),
    scale: float = 1.0,
    on_round: Callable[[int], None] | None = None,
) -> tuple[str, Measurement | None, str | None]:
    """The class of this machine, what a baseline is to hold for `plan`, of which `seen` were run already, and what is
    wrong with its data: then there is no measurement.
    """
    machine = machine_class(Environment.of(plan.location()))
    damage = _damage(seen)
    if damage is not None:
        return machine, None, damage
    short = short_round(plan, scale)
    pairs = run_pairs(short, ground, most=_BASELINE_ROUNDS, patience_s=_BASELINE_PATIENCE_S * scale, on_round=on_round)
    damage = _damage(pairs.subject)
    return machine, measure_pairs(short, pairs) if damage is None else None, damage


def _combine_looks(first: Judgement, second: Judgement) -> Judgement:
    """What the second look makes of the first one's regression."""
    rounds = first.rounds + second.rounds
    if second.damage is not None:
        return replace(second, rounds=rounds)
    worse = {change.name for change in first.changes if change.worse}
    if second.verdict is Verdict.REGRESSED and any(change.worse and change.name in worse for change in second.changes):
        return replace(second, rounds=rounds, reason=f"{second.reason}; measured twice")
    return replace(
        second,
        verdict=Verdict.INCONCLUSIVE,
        reason=f"worse at the first look, not at the second: {first.reason}",
        changes=first.changes,
        causes=(),
        rounds=rounds,
    )


def _judge_without_baseline(storm: str, machine: str, known: Mapping[str, Measurement]) -> Judgement:
    if not known:
        return Judgement(storm, Verdict.NO_BASELINE, "the baseline has no such storm; update it")
    here = machine.split(", ")

    def differing(other: str) -> list[str]:
        return [f"{then} there, {now} here" for then, now in zip(other.split(", "), here, strict=False) if then != now]

    nearest = min(sorted(known), key=lambda other: len(differing(other)))
    reason = f"the baseline is another machine's or software's: {'; '.join(differing(nearest))}; update it here as well"
    return Judgement(storm, Verdict.INCONCLUSIVE, reason)


def _differences(then: StormLoad, now: StormLoad) -> str:
    pairs = [(entry.name, getattr(then, entry.name), getattr(now, entry.name)) for entry in fields(StormLoad)]
    return "; ".join(f"{name} {before} then, {after} now" for name, before, after in pairs if before != after)


def _damage(runs: Sequence[StormRun]) -> str | None:
    """Lost and doubled writes are no matter of statistics: one is enough, and no second look takes it back."""
    for run in runs:
        if run.counts.lost:
            return f"{run.counts.lost} of {run.counts.acknowledged} acknowledged writes are lost"
        if run.counts.duplicated:
            return f"{run.counts.duplicated} rows are there twice"
        if run.integrity not in {None, "ok"}:
            return f"the database is damaged: {run.integrity}"
        if run.failures:
            return f"{run.counts.failed} of {run.counts.attempted} writes failed: {run.failures[0].line()}"
    return None
