"""The pictures: the only module that imports matplotlib, and never its global state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from ..storm.ideal import ideal_latencies_us
from ..storm.result import Run
from .figures import milliseconds, times
from .verdict import load

__all__ = ["latency_by_percentile"]

# Okabe and Ito's palette, which colour-blind readers can tell apart; line styles tell the same in grey.
_STYLES = {
    "budget": ("#D55E00", "-"),
    "busy-timeout": ("#E69F00", (0, (5, 1.5))),
    "interval": ("#56B4E9", (0, (3, 1, 1, 1))),
    "queue": ("#0072B2", "-"),
}
_TICKS = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


def latency_by_percentile(runs: Sequence[Run]) -> Figure:
    """Latency of every run against the ideal, over the percentile on a logarithmic tail axis; 1600 x 1120 pixels."""
    figure = Figure(figsize=(8, 5.6), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ideals = [np.sort(ideal_latencies_us(run.samples)) / 1000 for run in runs if run.samples.divided]
    if ideals:
        _draw_ideal(axes, ideals)
    for run in runs:
        colour, style = _STYLES.get(run.policy, ("#009E73", "-"))
        latencies = np.sort(run.samples.latency_us) / 1000
        axes.plot(
            _tail_axis(len(latencies)),
            latencies,
            color=colour,
            linestyle=style,
            linewidth=1.8,
            label=_label(run),
            zorder=3,
        )
    most = max(len(run.samples) for run in runs)
    axes.set_yscale("log")
    axes.set_xlim(0, np.log10(2 * most) + 0.05)
    _percentile_ticks(axes, most)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("percentile of writes (log tail: from p90 on, each mark is ten times rarer)")
    axes.set_ylabel("latency in ms: first attempt to COMMIT")
    axes.set_title(_finding(runs), loc="left", fontsize=11, fontweight="bold", wrap=True)
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)  # over no curve
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _draw_ideal(axes: Axes, ideals: Sequence[npt.NDArray[np.float64]]) -> None:
    """The ideals of the runs differ a little, as their think and hold times do: a band from least to greatest."""
    count = min(len(ideal) for ideal in ideals)
    shares = (np.arange(count) + 0.5) / count
    curves = np.array([np.quantile(ideal, shares) for ideal in ideals])
    axis = _tail_axis(count)
    axes.fill_between(axis, curves.min(axis=0), curves.max(axis=0), color="#000000", alpha=0.18, linewidth=0, zorder=1)
    axes.plot(
        axis,
        np.median(curves, axis=0),
        color="#000000",
        linestyle=":",
        linewidth=1.6,
        label="ideal: first come, first served",
        zorder=2,
    )


def _tail_axis(count: int) -> npt.NDArray[np.float64]:
    """Where the sorted samples lie on an axis of -log10(1 - percentile)."""
    return np.asarray(-np.log10(1 - (np.arange(count) + 0.5) / count))


def _percentile_ticks(axes: Axes, count: int) -> None:
    shown = [tick for tick in _TICKS if tick == 0 or (1 - tick) * count >= 1]
    axes.xaxis.set_major_locator(FixedLocator([-float(np.log10(1 - tick)) for tick in shown]))
    axes.set_xticklabels(["min" if tick == 0 else f"p{tick * 100:g}" for tick in shown])
    axes.xaxis.set_minor_locator(NullLocator())


def _label(run: Run) -> str:
    failed = run.counts.exhausted + run.counts.failed
    gave_up = f", gave up {failed} of {run.counts.attempted}" if failed else ""
    return f"{run.policy}: p99 {milliseconds(run.latency_ms.p99)} ms{gave_up}"


def _finding(runs: Sequence[Run]) -> str:
    known = sorted((run for run in runs if run.slowdown.p99 is not None), key=lambda run: run.slowdown.p99 or 0)
    if not known:
        return f"Latency of a write\n{load(runs[0])}"
    best, worst = known[0], known[-1]
    if best is worst:
        return f"p99 under {best.policy} is {times(best.slowdown.p99)} the ideal\n{load(best)}"
    slowest = f"{times(worst.slowdown.p99)} the ideal under {worst.policy}"
    return f"p99 is {slowest}, {times(best.slowdown.p99)} under {best.policy}\n{load(best)}"
