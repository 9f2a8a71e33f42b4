"""The axis of ratios: logarithmic, with as many marks as its length has room for."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

__all__ = ["ratio_axis"]


def ratio_axis(axes: Axes, low: float, high: float) -> None:
    """Make the x axis one of ratios from `low` to `high`, written like 2x."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    decades = np.log10(high / low)
    subs = (1, 1.2, 1.5, 2, 3, 4, 5, 6, 8) if decades < 0.7 else (1, 2, 5) if decades < 3 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
