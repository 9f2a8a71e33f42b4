"""How a policy stands after all its rounds: what tables, verdicts and pages show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .policies import POLICY_NAMES
from .result import Quantiles, Slowdown, StormRun

__all__ = ["PolicySummary", "partial_reason", "rounds_by_policy", "summarize_policies", "summarize_policy"]

# What `integrity` says of a database in which nobody found damage: it is sound, or there was no file to check.
_SOUND = ("ok", None)


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """One policy over its rounds; with one round, what that run says.

    rounds: how many were run, of planned_rounds.
    attempted, acknowledged, exhausted, failed, duplicated: sums.
    lost: a sum, None where no round was checked; unchecked: rounds in which nobody looked for lost writes.
    partial: why the rounds that ended early did.
    busy_rate, contended_rate, retries_per_write: over the writes of all rounds, None where nobody can know (SQLite
        retries unseen, or waits are not known).
    latency_ms, slowdown, throughput_per_s: medians over the rounds that have the figure; but the max is the greatest of
        all.
    integrity: the first complaint, else "ok".
    """

    policy: str
    rounds: int
    planned_rounds: int
    attempted: int
    acknowledged: int
    exhausted: int
    failed: int
    lost: int | None
    unchecked: int
    duplicated: int
    partial: tuple[str, ...]
    busy_rate: float | None
    contended_rate: float | None
    retries_per_write: float | None
    latency_ms: Quantiles
    slowdown: Slowdown
    throughput_per_s: float
    integrity: str

    @property
    def whole_rounds(self) -> int:
        """Rounds that ended when they should."""
        return self.rounds - len(self.partial)

    @property
    def never_happened(self) -> int:
        """Writes that the policy gave up or that failed: their callers were told."""
        return self.exhausted + self.failed

    @property
    def broken(self) -> bool:
        """Whether a write was lost or doubled, or the database damaged."""
        return bool(self.lost or self.duplicated or self.damaged)

    @property
    def damaged(self) -> bool:
        """Whether the database itself was found damaged."""
        return self.integrity not in _SOUND


def rounds_by_policy(runs: Iterable[StormRun]) -> dict[str, tuple[StormRun, ...]]:
    """The runs of each policy in the order of their rounds; policies in the order in which they first appear, or, where
    rounds are interleaved and that order is drawn, in that of POLICY_NAMES.
    """
    grouped: dict[str, list[StormRun]] = {}
    for run in runs:
        grouped.setdefault(run.policy, []).append(run)
    names = list(grouped)
    if any(run.rounds > 1 for group in grouped.values() for run in group):
        names.sort(key=lambda name: POLICY_NAMES.index(name) if name in POLICY_NAMES else len(POLICY_NAMES))
    return {name: tuple(sorted(grouped[name], key=lambda run: run.round)) for name in names}


def partial_reason(run: StormRun) -> str | None:
    """Why `run` ended before its time, None where it did not."""
    return run.partial.splitlines()[0] if run.partial else None


def summarize_policies(runs: Iterable[StormRun]) -> tuple[PolicySummary, ...]:
    """One per policy, in the order of rounds_by_policy."""
    return tuple(summarize_policy(rounds) for rounds in rounds_by_policy(runs).values())


def summarize_policy(rounds: Sequence[StormRun]) -> PolicySummary:
    """What `rounds`, at least one and all of one policy, say together."""

    def total(count: Callable[[StormRun], int]) -> int:
        return sum(map(count, rounds))

    def middle(figure: Callable[[StormRun], float | None]) -> float | None:
        values = [value for value in map(figure, rounds) if value is not None]
        return float(np.median(values)) if values else None

    attempted = total(lambda run: run.counts.attempted)
    checked = [lost for lost in map(_lost, rounds) if lost is not None]
    retries = [run.counts.retries for run in rounds if run.counts.retries is not None]
    greatest = [run.latency_ms.max for run in rounds if run.latency_ms.max is not None]
    return PolicySummary(
        policy=rounds[0].policy,
        rounds=len(rounds),
        planned_rounds=max(len(rounds), rounds[0].rounds),
        attempted=attempted,
        acknowledged=total(lambda run: run.counts.acknowledged),
        exhausted=total(lambda run: run.counts.exhausted),
        failed=total(lambda run: run.counts.failed),
        lost=sum(checked) if checked else None,
        unchecked=len(rounds) - len(checked),
        duplicated=total(lambda run: run.counts.duplicated or 0),
        partial=tuple(reason for reason in map(partial_reason, rounds) if reason is not None),
        busy_rate=_busy_rate(rounds),
        contended_rate=_contended_rate(rounds),
        retries_per_write=sum(retries) / max(attempted, 1) if len(retries) == len(rounds) else None,
        latency_ms=Quantiles(
            p50=middle(lambda run: run.latency_ms.p50),
            p90=middle(lambda run: run.latency_ms.p90),
            p99=middle(lambda run: run.latency_ms.p99),
            p999=middle(lambda run: run.latency_ms.p999),
            max=max(greatest, default=None),
        ),
        slowdown=Slowdown(
            p50=middle(lambda run: run.slowdown.p50),
            p99=middle(lambda run: run.slowdown.p99),
            p999=middle(lambda run: run.slowdown.p999),
        ),
        throughput_per_s=middle(lambda run: run.throughput_per_s) or 0.0,
        integrity=next((run.integrity for run in rounds if run.integrity not in _SOUND), "ok"),
    )


def _lost(run: StormRun) -> int | None:
    return run.counts.lost


def _contended_rate(rounds: Sequence[StormRun]) -> float | None:
    known = [(run.contended_rate, run.counts.attempted) for run in rounds if run.contended_rate is not None]
    attempted = sum(count for _, count in known)
    return sum(rate * count for rate, count in known) / attempted if attempted else None


def _busy_rate(rounds: Sequence[StormRun]) -> float | None:
    """Busy BEGINs over all BEGINs: of an admitted write one succeeded, of an exhausted one none did."""
    busy = [run.counts.busy for run in rounds if run.counts.busy is not None]
    if len(busy) < len(rounds):
        return None
    begins = sum(busy) + sum(run.counts.attempted - run.counts.exhausted for run in rounds)
    return sum(busy) / begins if begins else None
