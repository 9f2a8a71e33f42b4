"""Verdicts of many gate runs over how much worse each found the storm: a strip per case."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ...error_base import InvalidArgument
from ...gate.judgement import Verdict
from .canvas import INK, canvas, tidy, title
from .ratio_axis import ratio_axis

__all__ = ["Strip", "verdict_strips"]

# Shape and colour both tell the verdict, for those who see one of them only.
_MARKS = {
    Verdict.REGRESSED.value: ("X", "#D55E00"),
    Verdict.INCONCLUSIVE.value: ("s", "#E69F00"),
    Verdict.PASS.value: ("o", "#0072B2"),
    Verdict.IMPROVED.value: ("^", "#009E73"),
}
_SPREAD = 0.3


@dataclass(frozen=True, slots=True)
class Strip:
    """The runs of one case.

    excess: per run the ratio of the measure that got worst over its limit, above 0, so that 1 is the limit.
    verdicts: per run.
    """

    name: str
    excess: Sequence[float]
    verdicts: Sequence[str]


def verdict_strips(strips: Sequence[Strip], *, finding: str, beneath: str) -> Figure:
    """A row per strip and a mark per run, scattered up and down so that all can be seen, on a logarithmic axis; 1600
    pixels wide. finding: the title; beneath: a line under it. Raises InvalidArgument where a strip's runs and verdicts
    differ in number, or no strip has a run.
    """
    if any(len(strip.excess) != len(strip.verdicts) for strip in strips) or not any(strip.excess for strip in strips):
        raise InvalidArgument("strips need as many verdicts as runs, and at least one run")
    figure = canvas(1.6 + 0.5 * len(strips))
    axes = figure.add_subplot()
    draw = random.Random(1)
    seen = {verdict for strip in strips for verdict in strip.verdicts}
    for row, strip in enumerate(strips):
        height = [row + draw.uniform(-_SPREAD, _SPREAD) for _ in strip.excess]
        for verdict, (marker, colour) in _MARKS.items():
            chosen = [index for index, found in enumerate(strip.verdicts) if found == verdict]
            axes.plot(
                [strip.excess[index] for index in chosen],
                [height[index] for index in chosen],
                marker,
                color=colour,
                markersize=5,
                markeredgewidth=0.3,
                markeredgecolor="#ffffff",
                alpha=0.85,
            )
    axes.axvline(1, color=INK, linewidth=1)
    values = [value for strip in strips for value in strip.excess]
    low, high = min(*values, 0.8) / 1.1, max(*values, 1.25) * 1.1
    ratio_axis(axes, low, high)
    axes.set_ylim(len(strips) - 0.5, -0.5)
    axes.set_yticks(range(len(strips)), [strip.name for strip in strips])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("the worst measure's ratio to the baseline, over its limit, log scale")
    tidy(axes)
    axes.grid(visible=False, axis="y")
    for verdict, (marker, colour) in _MARKS.items():
        if verdict in seen:
            axes.plot([], [], marker, color=colour, markersize=7, label=verdict)
    figure.legend(fontsize=9, loc="outside lower center", ncols=len(_MARKS), frameon=False)
    title(figure, finding, beneath)
    return figure
