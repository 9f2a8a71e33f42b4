"""Who held the lock and who waited for it: a lane per worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...results.result import StormRun
from ...results.samples import EXHAUSTED, FAILED, Samples
from ..conclusion import load
from ..figures import milliseconds
from .canvas import INK, canvas, panel_title, run_name, tidy, title, typical_rounds

__all__ = ["timeline"]

# More lanes are too thin to see at 800 pixels, and a hold should be a few pixels long.
_MOST_LANES = 32
_HOLDS_IN_WINDOW = 160
_LEAST_WINDOW_US = 2000
# Of the lanes so many belong to those who held the lock most often in the window.
_HOLDERS = 4
_ABOUT_AS_LONG = 0.98
# Where in the window the longest wait ends: what led to it is seen, and what followed.
_END_OF_WAIT = 0.8
_WAIT, _HOLD, _GAVE_UP, _LOCK = "#F2C14E", "#0072B2", "#B2182B", "#555555"

Instants = npt.NDArray[np.int64]


def timeline(runs: Sequence[StormRun]) -> Figure:
    """A panel per policy: the moments around the longest wait of its typical round; 1600 pixels wide.

    All windows are equally long. Of more than 32 workers 32 have a lane: the one that waited longest, those that held
    the lock most often in the window, and others evenly spaced. The lane at the top shows when the lock was held.
    """
    shown = typical_rounds(runs)
    length = _window_length(shown)
    lanes = [_lanes(run, length) for run in shown]
    heights = [0.45 + max(0.9, len(lane) * (0.06 if len(shown) > 1 else 0.1)) for lane in lanes]
    figure = canvas(1.3 + sum(heights) + 0.25 * len(shown))
    panels = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    title(
        figure, _finding(shown), f"{load(runs[0])}; around the longest wait of each, {milliseconds(length / 1000)} ms"
    )
    for axes, run, workers in zip(panels, shown, lanes, strict=True):
        _draw(axes, run, workers, length)
        panel_title(axes, _describe(run, workers, length))
    panels[-1].set_xlabel("seconds since the barrier opened")
    figure.legend(
        handles=[
            Patch(color=_WAIT, label="waits for the lock"),
            Patch(color=_HOLD, label="holds it"),
            Patch(color=_LOCK, label="lock: held by anyone"),
            Line2D([], [], color=_GAVE_UP, marker="X", linestyle="", markersize=7, label="gave up"),
        ],
        loc="outside lower center",
        ncols=4,
        fontsize=9,
        frameon=False,
    )
    return figure


@dataclass(frozen=True, slots=True)
class _Longest:
    """The longest wait: whose, and from when to when, in microseconds since the barrier."""

    worker: int
    start_us: int
    end_us: int


def _longest(samples: Samples) -> _Longest:
    """The longest wait that ended in giving up, if there is any, else of all; of those about as long the first, when
    most of the workers were still there.
    """
    gave_up = samples.outcome == EXHAUSTED
    waits = np.where(gave_up, samples.wait_us, -1) if gave_up.any() else samples.wait_us
    candidates = np.flatnonzero(waits >= _ABOUT_AS_LONG * waits.max())
    index = int(candidates[samples.started_us[candidates].argmin()])
    start = int(samples.started_us[index])
    return _Longest(int(samples.worker[index]), start, start + int(samples.wait_us[index]))


def _window_length(runs: Sequence[StormRun]) -> int:
    """Microseconds: long enough for some 160 holds, and never longer than the longest of the storms."""
    holds = [run.samples.hold_us[run.samples.committed] for run in runs]
    medians = [float(np.median(hold)) for hold in holds if len(hold)]
    wanted = max(_HOLDS_IN_WINDOW * float(np.median(medians)) if medians else 0, _LEAST_WINDOW_US)
    return int(min(wanted, max(run.elapsed_s for run in runs) * 1e6))


def _window(run: StormRun, length: int) -> tuple[int, int]:
    start = max(0, int(_longest(run.samples).end_us - _END_OF_WAIT * length))
    return start, start + length


def _lanes(run: StormRun, length: int) -> list[int]:
    """The workers to show: the one that waited longest, those that held the lock most often then, and of the others as
    many as there is room for, evenly spaced.
    """
    samples = run.samples
    workers: list[int] = np.unique(samples.worker).tolist()
    if len(workers) <= _MOST_LANES:
        return workers
    start, end = _window(run, length)
    admitted = samples.started_us + samples.wait_us
    holders, holds = np.unique(
        samples.worker[samples.committed & (admitted >= start) & (admitted <= end)], return_counts=True
    )
    chosen = {_longest(samples).worker, *holders[np.argsort(-holds, kind="stable")][:_HOLDERS].tolist()}
    others = [worker for worker in workers if worker not in chosen]
    spaced = np.linspace(0, len(others) - 1, _MOST_LANES - len(chosen)).astype(int)
    return sorted(chosen | {others[place] for place in spaced})


def _draw(axes: Axes, run: StormRun, workers: Sequence[int], length: int) -> None:
    samples = run.samples
    start, end = _window(run, length)
    waited_until = samples.started_us + samples.wait_us
    inside = (waited_until + samples.hold_us >= start) & (samples.started_us <= end)
    locked_us = samples.locked_us
    holds = inside & (locked_us > 0)
    axes.broken_barh(_spans(waited_until[holds], locked_us[holds]), (0.1, 1.1), facecolors=_LOCK, linewidth=0)
    for lane, worker in enumerate(workers, start=2):
        mine = inside & (samples.worker == worker)
        waits = mine & (samples.wait_us > 0)
        axes.broken_barh(
            _spans(samples.started_us[waits], samples.wait_us[waits]), (lane + 0.1, 0.8), facecolors=_WAIT, linewidth=0
        )
        held = mine & holds
        axes.broken_barh(_spans(waited_until[held], locked_us[held]), (lane + 0.05, 0.9), facecolors=_HOLD, linewidth=0)
        ended = mine & ((samples.outcome == EXHAUSTED) | (samples.outcome == FAILED))
        axes.plot(
            waited_until[ended] / 1e6,
            np.full(int(ended.sum()), lane + 0.5),
            color=_GAVE_UP,
            marker="X",
            markersize=6,
            markeredgecolor="#ffffff",
            markeredgewidth=0.5,
            linestyle="",
            zorder=4,
        )
    axes.set_xlim(start / 1e6, end / 1e6)
    axes.set_ylim(len(workers) + 2, 0)
    step = max(1, len(workers) // 6)
    worst = _longest(samples).worker
    axes.set_yticks(
        [0.65, *(lane + 2.5 for lane in range(0, len(workers), step))],
        ["lock", *(f"{worker}" for worker in workers[::step])],
        fontsize=8,
    )
    axes.annotate(
        "◂ longest",
        (1.0, workers.index(worst) + 2.5),
        xycoords=("axes fraction", "data"),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=INK,
        annotation_clip=False,
    )
    axes.set_ylabel("worker")
    tidy(axes)
    axes.grid(visible=False, axis="y")
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.tick_params(axis="x", labelsize=9)


def _spans(starts: Instants, lengths: Instants) -> list[tuple[float, float]]:
    return [(start / 1e6, length / 1e6) for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]


def _describe(run: StormRun, workers: Sequence[int], length: int) -> str:
    start, end = _window(run, length)
    longest = _longest(run.samples)
    ended = "gave up after" if (run.samples.outcome == EXHAUSTED).any() else "longest wait"
    few = f", {len(workers)} of {run.workers} workers" if len(workers) < run.workers else ""
    return (
        f"{run_name(run)}: {start / 1e6:.2f} to {end / 1e6:.2f} s{few}; "
        f"{ended} {milliseconds((longest.end_us - longest.start_us) / 1000)} ms"
    )


def _overtakes(run: StormRun) -> int:
    """How many writes were admitted during the longest wait that had begun to wait after it."""
    samples = run.samples
    longest = _longest(samples)
    admitted = samples.started_us + samples.wait_us
    later = (samples.started_us > longest.start_us) & (admitted < longest.end_us) & samples.committed
    return int(later.sum())


def _finding(runs: Sequence[StormRun]) -> str:
    counted = sorted(((_overtakes(run), run.policy) for run in runs), reverse=True)
    (most, policy), (least, fairest) = counted[0], counted[-1]
    later = f"{most or 'no'} later write{'' if most < 2 else 's'} overtook the one that waited longest"
    if len(counted) == 1:
        return f"Under {policy} {later}"
    return f"Under {policy} {later}, under {fairest} {least or 'none'}"
