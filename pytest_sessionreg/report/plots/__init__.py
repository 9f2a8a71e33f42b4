"""The pictures, one per module: the only code that imports matplotlib, and never its global state."""

from __future__ import annotations

from .canvas import png, svg, waits_known
from .frontier import Frontier, capacity_frontier
from .latency import latency_by_percentile
from .ratios import ratio_forest
from .retries import retries_histogram
from .timeline import timeline
from .verdicts import Strip, verdict_strips
from .waits import wait_heat_map

__all__ = [
    "Frontier",
    "Strip",
    "capacity_frontier",
    "latency_by_percentile",
    "png",
    "ratio_forest",
    "retries_histogram",
    "svg",
    "timeline",
    "verdict_strips",
    "wait_heat_map",
    "waits_known",
]
