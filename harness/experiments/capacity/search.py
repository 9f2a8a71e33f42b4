"""The search for the largest load that holds: galloping from a guess, then halving the gap."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["next_load", "search"]

# A gap narrower than this is the machine's noise, and not worth the minutes.
_RESOLUTION = 1.2
_GALLOP = 1.6


def next_load(low: int, high: int | None, *, start: int, ceiling: int) -> int | None:
    """The next number of writers to try; None when the gap is closed.

    low: the largest that held, 0 if none was seen. high: the smallest that failed, None if none was seen. start: the
    first guess. ceiling: never tried beyond.
    """
    if high is None:
        if low == 0:
            return min(start, ceiling)
        return None if low >= ceiling else min(ceiling, max(low + 1, round(low * _GALLOP)))
    if high - low <= 1 or (low and high / low <= _RESOLUTION):
        return None
    if low == 0:
        return max(1, round(high / _GALLOP**2))
    return max(low + 1, min(high - 1, round(math.sqrt(low * high))))


def search(holds: Callable[[int], bool], *, start: int, ceiling: int) -> tuple[int, int | None]:
    """(low, high) of `holds`, which is taken to be true up to some number of writers and false beyond."""
    low, high = 0, None
    while (load := next_load(low, high, start=start, ceiling=ceiling)) is not None:
        if holds(load):
            low = load
        else:
            high = load
    return low, high
