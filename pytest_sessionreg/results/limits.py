"""Limits that a storm has to keep, whatever it did before: so many lost writes, such a tail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from ..error_base import StormError
from .causes import Cause, likeliest_causes
from .ideal import ideal_latencies_us
from .numbers import check_number
from .ratios import FEWEST_ROUNDS, paired_ratio
from .result import StormRun, quantile

__all__ = ["LIMITS", "Breach", "Budget", "BudgetExceeded", "LimitCheck", "check_limits"]

_MOST = 1e12
_NO_MATTER_OF_TIME = ("lost", "failed")


@dataclass(frozen=True, slots=True)
class Budget:
    """A storm budget: the limits that a storm has to keep. None lifts a limit.

    exhausted: writes that the policy gave up.
    failed: writes that any other error ended.
    lost: acknowledged writes that are not in the database. These three are counted over all rounds.
    busy_rate: busy BEGINs over all BEGINs, 0 to 1.
    p99_ms: latency at p99 in milliseconds.
    slowdown_p99: the same over the ideal's, 1.0 is the limit of what can be.

    These are figures of a round. Raises StormError for a limit that is none.
    """

    exhausted: int | None = 0
    failed: int | None = 0
    lost: int | None = 0
    busy_rate: float | None = None
    p99_ms: float | None = None
    slowdown_p99: float | None = None

    def __post_init__(self) -> None:
        for name in ("exhausted", "failed", "lost"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0, _MOST, whole=True)
        for name in ("p99_ms", "slowdown_p99"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0, _MOST)
        if self.busy_rate is not None:
            check_number("busy_rate", self.busy_rate, 0, 1)

    @classmethod
    def of(cls, **limits: object) -> Budget:
        """A budget of limits by name. Raises StormError for a name that is none."""
        unknown = sorted(limits.keys() - set(LIMITS))
        if unknown:
            raise StormError(f"storm budget: {', '.join(unknown)} is no limit; choose from {', '.join(LIMITS)}")
        return cls(**limits)  # type: ignore[arg-type]  # checked by __post_init__

    def check(self, runs: Sequence[StormRun]) -> None:
        """Raise BudgetExceeded where `runs`, the rounds of one storm, went over a limit, and StormError where a limit
        has no figure to be checked against: that is no pass.
        """
        finding = check_limits(runs, self)
        if finding.breaches:
            raise BudgetExceeded(describe_storm(runs[0]), finding.breaches, likeliest_causes(runs))
        if finding.unchecked:
            raise StormError(f"{describe_storm(runs[0])}: {'; '.join(finding.unchecked)}")

    def __str__(self) -> str:
        return ", ".join(f"{name}={value:g}" for name, value in asdict(self).items() if value is not None)


LIMITS = tuple(entry.name for entry in fields(Budget))


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that was exceeded.

    low, high: the 95 % interval of a round's figure, None for a count, or with fewer than five rounds.
    of: what a count is counted among.
    """

    limit: str
    allowed: float
    found: float
    low: float | None = None
    high: float | None = None
    rounds: int = 1
    of: int | None = None

    def text(self) -> str:
        """Which limit, and by how much."""
        if self.of is not None:
            return f"{self.limit}: {self.found:g} of {self.of} writes, the limit is {self.allowed:g}"
        by = f", {self.found / self.allowed:.2f} times that" if self.allowed else ""
        text = f"{self.limit}: {self.found:.4g}, the limit is {self.allowed:g}{by}"
        if self.low is not None:
            return f"{text} (95 % interval over {self.rounds} rounds: {self.low:.4g} to {self.high:.4g})"
        rounds = "one round has" if self.rounds == 1 else f"{self.rounds} rounds like these have"
        return f"{text} ({rounds} no interval; it takes {FEWEST_ROUNDS} with a figure each)"


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """What a budget says of a storm. unchecked: limits for which there is no figure, and why, as sentences."""

    breaches: tuple[Breach, ...]
    unchecked: tuple[str, ...]


class BudgetExceeded(StormError, AssertionError):
    """A storm went over its storm budget. `breaches` (each a Breach) are the limits, `causes` (each a Cause) the
    likeliest reasons that its samples show; none where writes were only lost or failed: samples tell of waiting.
    """

    def __init__(self, storm: str, breaches: tuple[Breach, ...], causes: tuple[Cause, ...]) -> None:
        self.breaches = breaches
        lines = [f"{storm}: over its limits", *(f"  {breach.text()}" for breach in breaches)]
        if any(breach.limit not in _NO_MATTER_OF_TIME for breach in breaches):
            lines.append("the likeliest causes in its samples:" if causes else "no cause stands out in its samples")
        else:
            causes = ()
        self.causes = causes
        lines += [f"  {number}. {cause.text}" for number, cause in enumerate(causes, 1)]
        super().__init__("\n".join(lines))


def check_limits(runs: Sequence[StormRun], budget: Budget) -> LimitCheck:
    """What `budget` says of `runs`, the rounds of one storm.

    A round's figure is over its limit when its whole interval is: of five rounds or more the lower bound counts, of
    fewer their middle.
    """
    breaches: list[Breach] = []
    unchecked: list[str] = []
    attempted = sum(run.counts.attempted for run in runs)
    for limit in ("lost", "exhausted", "failed"):
        allowed = getattr(budget, limit)
        if allowed is None:
            continue
        counts = [getattr(run.counts, limit) for run in runs]
        if None in counts:
            unchecked.append(f"{limit}={allowed:g} cannot be checked: {_UNKNOWN[limit]}")
        elif sum(counts) > allowed:
            breaches.append(Breach(limit, allowed, sum(counts), of=attempted, rounds=len(runs)))
    for limit, figure in _FIGURES.items():
        allowed = getattr(budget, limit)
        if allowed is None:
            continue
        breach = _check_figure(limit, allowed, figure, runs)
        if isinstance(breach, str):
            unchecked.append(f"{limit}={allowed:g} cannot be checked: {breach}")
        elif breach is not None:
            breaches.append(breach)
    return LimitCheck(tuple(breaches), tuple(unchecked))


def describe_storm(run: StormRun) -> str:
    """A storm in words, e.g. "heartbeat under queue, 8 writers"."""
    return f"{run.workload} under {run.policy}, {run.workers} {'writer' if run.workers == 1 else 'writers'}"


def _check_figure(
    limit: str, allowed: float, figure: Callable[[Sequence[StormRun]], float | None], runs: Sequence[StormRun]
) -> Breach | str | None:
    """The breach, None where there is none, or why nobody can tell."""
    values = [figure([run]) for run in runs]
    known = [value for value in values if value is not None]
    if len(known) == len(runs):
        if not all(known):  # a round without one busy BEGIN has no logarithm
            found = float(np.mean(known))
            return Breach(limit, allowed, found, rounds=len(runs)) if found > allowed else None
        interval = paired_ratio(known, [1.0] * len(known))
        found = interval.middle or 0.0
        breach = Breach(limit, allowed, found, interval.low, interval.high, rounds=len(runs))
        return breach if (interval.low or found) > allowed else None
    pooled = figure(runs)
    if pooled is None:
        return _UNKNOWN[limit].format(writes=sum(run.counts.attempted for run in runs))
    return Breach(limit, allowed, pooled, rounds=len(runs)) if pooled > allowed else None


def _busy_rate(runs: Sequence[StormRun]) -> float | None:
    rates = [run.busy_rate for run in runs if run.busy_rate is not None]
    return float(np.mean(rates)) if len(rates) == len(runs) else None


def _p99_ms(runs: Sequence[StormRun]) -> float | None:
    found = quantile(np.concatenate([run.samples.latency_us for run in runs]), 0.99)
    return None if found is None else found / 1000


def _slowdown_p99(runs: Sequence[StormRun]) -> float | None:
    measured = _p99_ms(runs)
    ideal = quantile(np.concatenate([ideal_latencies_us(run.samples) for run in runs]), 0.99)
    return measured * 1000 / ideal if measured is not None and ideal else None


_FIGURES: dict[str, Callable[[Sequence[StormRun]], float | None]] = {
    "busy_rate": _busy_rate,
    "p99_ms": _p99_ms,
    "slowdown_p99": _slowdown_p99,
}
_UNKNOWN = {
    "lost": "the writes were not checked against the database; give the storm acknowledged=, or lift it with lost=None",
    "busy_rate": "retries are unseen here (a busy timeout, or a function that does its own transactions); lift it",
    "p99_ms": "{writes} writes are too few for a p99; it takes 368",
    "slowdown_p99": (
        "{writes} writes are too few for a p99 (it takes 368), or the function does its own transactions and wait and "
        "hold are unknown"
    ),
}
