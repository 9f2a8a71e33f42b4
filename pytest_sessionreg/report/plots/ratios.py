"""Ratios to the control with their intervals: a forest plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...results.comparison import CONTROL, MEASURES, AgainstControl, against_control
from ...results.ratios import FEWEST_ROUNDS, Ratio
from ...results.result import StormRun
from ..conclusion import load
from ..figures import interval, times
from .canvas import INK, QUIET, canvas, style, tidy, title
from .ratio_axis import ratio_axis

__all__ = ["ratio_forest"]


def ratio_forest(runs: Sequence[StormRun]) -> Figure:
    """A row per measure and policy: the mean ratio to the control, its 95 % interval, and every round as a small mark,
    on a logarithmic axis; 1600 pixels wide. Needs the control and another policy.
    """
    policies = against_control(runs)
    names = [policy.policy for policy in policies]
    figure = canvas(1.5 + 0.28 * (len(policies) + 1) * len(MEASURES))
    axes = figure.add_subplot()
    row = 0.0
    ticks: list[tuple[float, str]] = []
    for index, measure in enumerate(MEASURES):
        better = "less is better" if measure.less_is_better else "more is better"
        axes.annotate(
            f"{measure.title} ({better})",
            (0.0, row),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            fontweight="bold",
            color=INK,
        )
        row += 1
        for policy in policies:
            _draw(axes, row, policy.ratios[index], style(policy.policy, names)[0])
            ticks.append((row, policy.policy))
            row += 1
    axes.axvline(1, color=INK, linewidth=1)
    _scale(axes, policies)
    axes.set_ylim(row - 0.4, -0.6)
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"times {CONTROL} in the same round, log scale (small marks: rounds; bar: 95 % interval)")
    tidy(axes)
    axes.grid(visible=False, axis="y")
    title(figure, _finding(policies), load(runs[0]))
    return figure


def _draw(axes: Axes, row: float, ratio: Ratio, colour: str) -> None:
    axes.plot(ratio.rounds, np.full(len(ratio.rounds), row), "|", color=colour, markersize=9, alpha=0.6)
    said = "too few writes"
    if ratio.middle is not None:
        if ratio.low is not None and ratio.high is not None:
            axes.plot([ratio.low, ratio.high], [row, row], color=colour, linewidth=3, alpha=0.55, solid_capstyle="butt")
        filled = ratio.low is not None
        axes.plot(ratio.middle, row, "o", color=colour, markersize=6, markerfacecolor=colour if filled else "#ffffff")
        said = f"{times(ratio.middle)}  ({interval(ratio) if filled else f'under {FEWEST_ROUNDS} rounds'})"
    axes.annotate(
        said,
        (1.0, row),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=INK if ratio.low is not None else QUIET,
        annotation_clip=False,
    )


def _scale(axes: Axes, policies: Sequence[AgainstControl]) -> None:
    values = [1.0]
    for policy in policies:
        for ratio in policy.ratios:
            values += [value for value in (*ratio.rounds, ratio.low, ratio.high) if value is not None]
    low, high = min(values) / 1.25, max(values) * 1.25
    ratio_axis(axes, low, high)


def _finding(policies: Sequence[AgainstControl]) -> str:
    """Of the slowdown, which needs no clock; without one, of the throughput."""
    for index in (1, 0, 2):
        known = [(policy.ratios[index].middle, policy) for policy in policies]
        sure = [(middle, policy) for middle, policy in known if middle is not None]
        if sure:
            pick = min if MEASURES[index].less_is_better else max
            middle, best = pick(sure, key=lambda candidate: candidate[0])
            ratio = best.ratios[index]
            span = f" ({interval(ratio)})" if ratio.low is not None else f", of fewer than {FEWEST_ROUNDS} rounds"
            return (
                f"{MEASURES[index].title.capitalize()} under {best.policy} is {times(middle)} that of {CONTROL}{span}"
            )
    return f"Nothing to set against {CONTROL}"
