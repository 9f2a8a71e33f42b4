"""Many values in a few: count, median, percentiles where there are samples enough, and the most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["describe", "spread"]

Values = Sequence[float] | npt.NDArray[Any]

# How many samples a percentile needs; of p99 the rule of the storms.
_P90_SAMPLES = 36
_P99_SAMPLES = 368


def spread(values: Values) -> dict[str, float | int]:
    """Count, p50, p90 and p99 where there are samples enough, and max."""
    if not len(values):
        return {"count": 0}
    array = np.asarray(values, dtype=float)
    found: dict[str, float | int] = {"count": len(array), "p50": round(float(np.quantile(array, 0.5)), 3)}
    for name, quantile, needed in (("p90", 0.9, _P90_SAMPLES), ("p99", 0.99, _P99_SAMPLES)):
        if len(array) >= needed:
            found[name] = round(float(np.quantile(array, quantile)), 3)
    found["max"] = round(float(array.max()), 3)
    return found


def describe(values: Values, unit: str = "ms") -> str:
    """A spread in words, e.g. "p50 1.2, p99 8.9, max 10.4 ms"."""
    parts = [f"{name} {value:.3g}" for name, value in spread(values).items() if name != "count"]
    return f"{', '.join(parts)} {unit}" if parts else "none"
