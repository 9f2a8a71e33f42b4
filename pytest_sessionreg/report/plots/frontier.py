"""How many writers survive, over the time each holds the lock: the frontier of each policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ...error_base import InvalidArgument
from .canvas import INK, QUIET, canvas, style, tidy, title

__all__ = ["Frontier", "capacity_frontier"]


@dataclass(frozen=True, slots=True)
class Frontier:
    """One policy's frontier.

    hold_ms: times for which the lock is held.
    writers: for each of them the largest number at which the target held, 0 where it did for none, None where it was
        not found out.
    at_limit: for each whether the search ended there, so that the true number may be larger.
    """

    policy: str
    hold_ms: Sequence[float]
    writers: Sequence[float | None]
    at_limit: Sequence[bool]


def capacity_frontier(
    frontiers: Sequence[Frontier],
    *,
    finding: str,
    target: str,
    law_ms: float | None = 1275.0,
    own_load: tuple[float, float] | None = None,
) -> Figure:
    """Writers over hold, both logarithmic, a line per policy; 1600 x 1160 pixels.

    finding: the title.
    target: what had to hold, in words.
    law_ms: draws writers x hold = law_ms, the load at which one turn of all writers takes as long as the budget waits
        on average (1.275 s with its defaults), None for no such line.
    own_load: (writers, hold in ms) of the machine's own load, None to mark none.

    Raises InvalidArgument where the arrays of a frontier differ in length or are empty.
    """
    for frontier in frontiers:
        if not len(frontier.hold_ms) == len(frontier.writers) == len(frontier.at_limit) > 0:
            raise InvalidArgument(
                f"the frontier of {frontier.policy} needs as many holds as writers and limits, at least 1"
            )
    figure = canvas(5.8)
    axes = figure.add_subplot()
    holds = sorted({hold for frontier in frontiers for hold in frontier.hold_ms})
    names = [frontier.policy for frontier in frontiers]
    for frontier in frontiers:
        colour, line = style(frontier.policy, names)
        found = [
            (hold, number, limit)
            for hold, number, limit in zip(frontier.hold_ms, frontier.writers, frontier.at_limit, strict=True)
            if number
        ]
        axes.plot(
            [hold for hold, _, _ in found],
            [number for _, number, _ in found],
            color=colour,
            linestyle=line,
            linewidth=1.8,
            marker="o",
            markersize=5,
            label=frontier.policy if found else f"{frontier.policy}: at no load",
        )
        limits = [(hold, number) for hold, number, limit in found if limit]
        axes.plot(
            [hold for hold, _ in limits],
            [number for _, number in limits],
            "^",
            color=colour,
            markersize=10,
            markeredgecolor="#ffffff",
        )
    most = max((number or 1 for frontier in frontiers for number in frontier.writers), default=1)
    if law_ms is not None and holds:
        span = np.geomspace(holds[0] / 1.3, holds[-1] * 1.3, 50)
        axes.plot(span, law_ms / span, color=INK, linestyle=":", linewidth=1.4, label=f"writers x hold = {law_ms:g} ms")
    if own_load is not None:
        writers, hold = own_load
        # named in the legend: beside the star a label would lie on the lines that pass there
        axes.plot(
            [hold],
            [writers],
            "*",
            color="#CC79A7",
            markersize=16,
            markeredgecolor=INK,
            zorder=5,
            label=f"your load: {writers:g} x {hold:g} ms",
        )
        most = max(most, writers)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.8, most * 2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("hold in ms, log scale: how long each write keeps the lock")
    axes.set_ylabel("writers, log scale")
    tidy(axes)
    if any(limit for frontier in frontiers for limit in frontier.at_limit):
        axes.plot([], [], "^", color=QUIET, markersize=9, label="or more: the search ended here")
    axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)
    title(figure, finding, f"largest number of writers at which {target}")
    return figure
