"""Where the waiting was: time by worker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from ...results.result import StormRun
from ...results.samples import EXHAUSTED, Samples
from ..conclusion import load
from ..figures import milliseconds
from .canvas import canvas, panel_title, run_name, title, typical_rounds

__all__ = ["longest_waits", "wait_heat_map"]

_MOST_COLUMNS, _MOST_ROWS = 120, 64
# Shorter waits are none: the same mark as for the contended rate.
_LEAST_MS = 0.5

Grid = npt.NDArray[np.float64]


def wait_heat_map(runs: Sequence[StormRun]) -> Figure:
    """A panel per policy, time by worker: the longest wait under way in each cell, in ms on a logarithmic colour scale;
    where writers gave up, a mark. Of several rounds the typical one. 1600 pixels wide.
    """
    shown = typical_rounds(runs)
    longest_us = max(float((run.samples.started_us + run.samples.wait_us + run.samples.hold_us).max()) for run in shown)
    grids = [longest_waits(run.samples, longest_us, rows=min(run.workers, _MOST_ROWS)) for run in shown]
    most = max([float(np.nanmax(grid)) for grid in grids if not np.isnan(grid).all()], default=1.0)
    norm = LogNorm(_LEAST_MS, max(most, 10 * _LEAST_MS))
    each = 1.55 if len(shown) > 1 else 3.6
    figure = canvas(1.2 + each * len(shown))
    panels = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
    title(figure, _finding(shown), load(runs[0]))
    colours = colormaps["cividis_r"].with_extremes(bad="#ffffff")
    for axes, run, grid in zip(panels, shown, grids, strict=True):
        axes.imshow(
            grid,
            norm=norm,
            cmap=colours,
            aspect="auto",
            interpolation="nearest",
            origin="upper",
            extent=(0, longest_us / 1e6, run.workers - 0.5, -0.5),
        )
        lost = run.samples.outcome == EXHAUSTED
        ended = (run.samples.started_us + run.samples.wait_us)[lost] / 1e6
        axes.plot(ended, run.samples.worker[lost], "x", color="#D00000", markersize=4, markeredgewidth=1)
        gave_up = f"; {int(lost.sum())} gave up (x)" if lost.any() else ""
        panel_title(axes, f"{run_name(run)}{gave_up}")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_ylabel("worker")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    panels[-1].set_xlabel("seconds since the barrier opened")
    bar = figure.colorbar(
        panels[0].get_images()[0], ax=list(panels), label="longest wait under way, ms (white: under 0.5)", aspect=40
    )
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1,) if most > 200 * _LEAST_MS else (1, 2, 5)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return figure


def longest_waits(samples: Samples, until_us: float, *, rows: int) -> Grid:
    """The longest wait under way in each of `rows` x 120 cells, in ms; NaN where nobody waited half a millisecond.

    Rows are groups of consecutive workers; columns divide the time from the barrier to `until_us`.
    """
    grid = np.full(rows * _MOST_COLUMNS, np.nan)
    waited = samples.wait_us >= _LEAST_MS * 1000
    if not waited.any():
        return grid.reshape(rows, _MOST_COLUMNS)
    width = until_us / _MOST_COLUMNS
    starts = samples.started_us[waited]
    first = np.clip((starts / width).astype(int), 0, _MOST_COLUMNS - 1)
    last = np.clip(((starts + samples.wait_us[waited]) / width).astype(int), 0, _MOST_COLUMNS - 1)
    row = samples.worker[waited] * rows // max(int(samples.worker.max()) + 1, rows)
    spans = last - first + 1
    cells = np.repeat(row * _MOST_COLUMNS + first - np.cumsum(spans) + spans, spans) + np.arange(int(spans.sum()))
    np.fmax.at(grid, cells, np.repeat(samples.wait_us[waited] / 1000, spans))
    return grid.reshape(rows, _MOST_COLUMNS)


def _finding(runs: Sequence[StormRun]) -> str:
    """The worst worker against the middle one: what the picture shows as stripes."""
    worst = []
    for run in runs:
        longest = [float(run.samples.wait_us[part].max()) / 1000 for part in run.samples.by_worker()]
        worst.append((max(longest), float(np.median(longest)), run.policy))
    most, middle, policy = max(worst)
    found = f"The worst wait of a worker under {policy}: {milliseconds(most)} ms"
    if len(worst) == 1:
        return f"{found}; of the median worker: {milliseconds(middle)} ms"
    least, _, best = min(worst)
    return f"{found}; under {best}: {milliseconds(least)} ms"
