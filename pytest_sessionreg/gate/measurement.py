"""What the rounds of a storm and its control say in ratios, which are the same on a fast machine and on a slow one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from ..results.environment import Environment
from ..results.ideal import ideal_latencies_us
from ..results.result import StormRun
from ..storm.plan import Plan
from .pairs import Pairs

__all__ = ["CONTROL_MEASURES", "MEASURES", "GateMeasure", "Measurement", "StormLoad", "machine_class", "measure_pairs"]


@dataclass(frozen=True, slots=True)
class GateMeasure:
    """A figure of a round.

    tolerance: by how much it may get worse, as a share.
    more_is_better: whether a larger figure is an improvement.
    of: the figure of a round of the storm and of the control's beside it, None where it has none.
    """

    name: str
    title: str
    tolerance: float
    of: Callable[[StormRun, StormRun], float | None]
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class StormLoad:
    """The load of a round, which two of them have to share to be compared; policy and code are what may change. writes:
    per worker, None if a round lasts for duration_s.
    """

    workload: str
    workers: int
    hold_ms: float
    think_ms: float
    rate_per_s: float | None
    writes: int | None
    duration_s: float | None = None

    @classmethod
    def of(cls, plan: Plan) -> StormLoad:
        """The load that `plan`, which is one round's, asks for."""
        return cls(
            workload=re.split(r"[.:]", plan.resolved().name)[-1],
            workers=plan.workers,
            hold_ms=plan.hold_ms,
            think_ms=plan.think_ms,
            rate_per_s=plan.rate_per_s,
            writes=plan.writes,
            duration_s=plan.duration_s,
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """The rounds of a storm in ratios.

    ratios, control: per measure the figure of each round that has one.
    policy: as Python shows it.
    context: means over the rounds that explain, but are not judged.
    """

    load: StormLoad
    policy: str
    ratios: Mapping[str, tuple[float, ...]]
    control: Mapping[str, tuple[float, ...]]
    context: Mapping[str, float]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Measurement:
        """The one whose `asdict` was stored. Raises ValueError, TypeError, KeyError or AttributeError for another."""
        return cls(
            load=StormLoad(**document["load"]),
            policy=str(document["policy"]),
            ratios=_rounds(document["ratios"]),
            control=_rounds(document["control"]),
            context={name: float(value) for name, value in document["context"].items()},
        )


def measure_pairs(plan: Plan, pairs: Pairs) -> Measurement:
    """The measurement that `pairs` make, whose rounds are each of `plan`."""
    both = list(zip(pairs.subject, pairs.control, strict=True))
    return Measurement(
        load=StormLoad.of(plan),
        policy=pairs.subject[0].policy_parameters,
        ratios=_figures(MEASURES, both),
        control=_figures(CONTROL_MEASURES, both),
        context={
            name: _rounded(fmean(known))
            for name in ("retries_per_write", "contended_rate", "utilization", "fairness")
            if (known := [value for run in pairs.subject if (value := getattr(run, name)) is not None])
        },
    )


def machine_class(environment: Environment) -> str:
    """What a ratio may depend on, in one line; a processor's speed is not among it, for that the control is there."""
    system = environment.kernel.split(" ", maxsplit=1)[0]
    python = ".".join(environment.python.split(".")[:2])
    return (
        f"{system} {environment.machine}, {environment.cpu_count} processors, {environment.file_system}, "
        f"Python {python}, SQLite {environment.sqlite_version}"
    )


def _rounds(figures: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, ...]]:
    found = {}
    for name, values in figures.items():
        found[name] = tuple(float(value) for value in values)
        if any(not 0 < value < float("inf") for value in found[name]):
            raise ValueError(f"{name}: {values} are no ratios")
    return found


def _figures(
    measures: Sequence[GateMeasure], both: Sequence[tuple[StormRun, StormRun]]
) -> dict[str, tuple[float, ...]]:
    found = {}
    for measure in measures:
        values = [measure.of(subject, control) for subject, control in both]
        known = tuple(_rounded(value) for value in values if value is not None)
        if known:
            found[measure.name] = known
    return found


def _rounded(value: float) -> float:
    """Four significant digits: what a reviewer can read, and far less than a round's own noise."""
    return float(f"{value:.4g}")


def _hold(run: StormRun) -> float | None:
    """The median: a writer that is off the processor while it holds the lock says nothing about the code."""
    samples = run.samples
    if not samples.divided or not samples.committed.any():
        return None
    return float(np.median(samples.locked_us[samples.committed])) or None


def _hold_ratio(subject: StormRun, control: StormRun) -> float | None:
    over, under = _hold(subject), _hold(control)
    return over / under if over and under else None


def _ideal_mean(run: StormRun) -> float | None:
    ideal_us = ideal_latencies_us(run.samples)
    return float(ideal_us.mean()) or None if len(ideal_us) else None


def _slowdown(run: StormRun) -> float | None:
    """Of the mean: it moves with the few writes that wait for very long, and a short round has writes enough for it."""
    ideal_us = _ideal_mean(run)
    return float(run.samples.latency_us.mean()) / ideal_us if ideal_us else None


def _own_latency(of: Callable[[StormRun], float]) -> Callable[[StormRun, StormRun], float | None]:
    """Of storms whose holds nobody sees: their latency over what the control's writes would take in a perfect queue."""

    def ratio(subject: StormRun, control: StormRun) -> float | None:
        ideal_us = _ideal_mean(control)
        return None if subject.samples.divided or not ideal_us else of(subject) / ideal_us or None

    return ratio


MEASURES = (
    GateMeasure("hold", "hold, to the control's", 0.10, _hold_ratio),
    GateMeasure("slowdown", "mean latency, to the ideal's", 0.25, lambda run, _: _slowdown(run)),
    GateMeasure("slowdown_p99", "p99, to the ideal's", 0.50, lambda run, _: run.slowdown.p99),
    GateMeasure(
        "latency",
        "mean latency, to the control's ideal",
        0.25,
        _own_latency(lambda run: float(run.samples.latency_us.mean())),
    ),
    GateMeasure(
        "latency_p50",
        "median latency, to the control's ideal",
        0.25,
        _own_latency(lambda run: float(np.median(run.samples.latency_us))),
    ),
    GateMeasure(
        "done",
        "writes done, of those begun",
        0.01,
        lambda run, _: max(run.counts.acknowledged, 0.5) / run.counts.attempted,
        more_is_better=True,
    ),
)
# The tolerances are those beyond which the control is said to have moved, either way.
CONTROL_MEASURES = (
    GateMeasure(
        "hold",
        "the control's hold, to the one asked for",
        0.15,
        lambda _, control: (
            (hold_us / 1000 / control.hold_ms) if control.hold_ms and (hold_us := _hold(control)) else None
        ),
    ),
    GateMeasure("slowdown", "the control's mean latency, to its ideal", 0.50, lambda _, control: _slowdown(control)),
)
