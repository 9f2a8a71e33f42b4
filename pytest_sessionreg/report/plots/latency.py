"""Latency by percentile, against the ideal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from ...results.ideal import ideal_latencies_us
from ...results.result import StormRun
from ...results.summary import PolicySummary, rounds_by_policy, summarize_policies
from ..conclusion import load
from ..figures import milliseconds, times
from .canvas import canvas, style, tidy, title

__all__ = ["latency_by_percentile"]

_TICKS = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
# A curve of more points than this looks the same and makes a page of megabytes.
_MOST_POINTS = 600

Curve = npt.NDArray[np.float64]


def latency_by_percentile(runs: Sequence[StormRun]) -> Figure:
    """Latency of every policy against the ideal, over the percentile on a logarithmic tail axis; 1600 x 1160 pixels.

    With several rounds: the median of the rounds' curves, and a band from the least to the greatest of them.
    """
    figure = canvas(5.8)
    axes = figure.add_subplot()
    policies = rounds_by_policy(run for run in runs if len(run.samples))
    most = max(len(run.samples) for rounds in policies.values() for run in rounds)
    known = [run for rounds in policies.values() for run in rounds if run.samples.divided]
    if known:
        ideals = [np.sort(ideal_latencies_us(run.samples)) / 1000 for run in known]
        _draw(axes, ideals, "#000000", ":", "ideal: first come, first served", band=0.18)
    every = summarize_policies(run for rounds in policies.values() for run in rounds)
    for policy, rounds in zip(every, policies.values(), strict=True):
        colour, line = style(policy.policy, list(policies))
        latencies = [np.sort(run.samples.latency_us) / 1000 for run in rounds]
        _draw(axes, latencies, colour, line, _label(policy), band=0.15)
    axes.set_yscale("log")
    axes.set_xlim(0, np.log10(2 * most) + 0.05)
    _percentile_ticks(axes, most)
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 10_000 else (1,)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("percentile of writes (log tail: from p90 on, each mark is ten times rarer)")
    axes.set_ylabel(f"latency in ms: {_span(runs[0])}")
    tidy(axes)
    axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)  # over no curve
    title(figure, _finding(every), _beneath(runs, every))
    return figure


def _draw(axes: Axes, rounds: Sequence[Curve], colour: str, line: object, label: str, *, band: float) -> None:
    """The median of the sorted `rounds`, and a band from the least to the greatest of them."""
    shares, places = _tail_points(min(map(len, rounds)))
    curves = np.array([values[np.minimum((shares * len(values)).astype(int), len(values) - 1)] for values in rounds])
    ideal = line == ":"
    if len(curves) > 1:
        axes.fill_between(
            places, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=band, linewidth=0, zorder=1
        )
    axes.plot(
        places,
        np.median(curves, axis=0),
        color=colour,
        linestyle=line,
        linewidth=1.6 if ideal else 1.8,
        label=label,
        zorder=2 if ideal else 3,
    )


def _tail_points(count: int) -> tuple[Curve, Curve]:
    """Which shares of `count` sorted samples to draw, and where they lie on an axis of -log10(1 - percentile)."""
    if count <= _MOST_POINTS:
        shares = (np.arange(count) + 0.5) / count
    else:
        places = np.linspace(0, np.log10(2 * count), _MOST_POINTS)
        shares = (np.unique(((1 - 10**-places) * count).astype(int)) + 0.5) / count
    return shares, -np.log10(1 - shares)


def _percentile_ticks(axes: Axes, count: int) -> None:
    shown = [tick for tick in _TICKS if tick == 0 or (1 - tick) * count >= 1]
    axes.xaxis.set_major_locator(FixedLocator([-float(np.log10(1 - tick)) for tick in shown]))
    axes.set_xticklabels(["min" if tick == 0 else f"p{tick * 100:g}" for tick in shown])
    axes.xaxis.set_minor_locator(NullLocator())


def _label(policy: PolicySummary) -> str:
    never = f", gave up {policy.never_happened} of {policy.attempted}" if policy.never_happened else ""
    partial = " (partial)" if policy.partial else ""
    p99 = policy.latency_ms.p99
    tail = f"longest {milliseconds(policy.latency_ms.max)} ms" if p99 is None else f"p99 {milliseconds(p99)} ms"
    return f"{policy.policy}{partial}: {tail}{never}"


def _span(run: StormRun) -> str:
    """From when to when a latency is."""
    if run.loop == "open":
        return "scheduled instant to end of write"
    return "first attempt to COMMIT" if run.samples.divided else "the whole write"


def _finding(every: Sequence[PolicySummary]) -> str:
    known = sorted((policy.slowdown.p99, policy.policy) for policy in every if policy.slowdown.p99 is not None)
    if not known:
        return "Latency of a write"
    (best, best_policy), (worst, worst_policy) = known[0], known[-1]
    if len(known) == 1:
        return f"p99 under {best_policy} is {times(best)} the ideal"
    return f"p99 is {times(worst)} the ideal under {worst_policy}, {times(best)} under {best_policy}"


def _beneath(runs: Sequence[StormRun], every: Sequence[PolicySummary]) -> str:
    most = max(policy.rounds for policy in every)
    rounds = f"; median of {most} rounds, bands: least to greatest" if most > 1 else ""
    return f"{load(runs[0])}{rounds}"
