"""The search for the largest load that holds: galloping from a guess, then halving the gap."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["COARSE", "FINE", "next_load", "search"]

# How wide the gap between what held and what failed may stay, as a ratio: at first, so that every point is soon known;
# then as narrow as the machine's noise lets it be.
COARSE = 1.35
FINE = 1.15
_GALLOP = 1.6


def next_load(low: int, high: int | None, *, start: int, ceiling: int, resolution: float) -> int | None:
    """The next number of writers to try; None when the gap is closed.

    low: the largest that held, 0 if none was seen.
    high: the smallest that failed, None if none was seen.
    start: the first guess.
    ceiling: never tried beyond.
    resolution: the ratio at which a gap counts as closed.
    """
    if high is None:
        if low == 0:
            return min(start, ceiling)
        return None if low >= ceiling else min(ceiling, max(low + 1, round(low * _GALLOP)))
    if high - low <= 1 or (low and high / low <= resolution):
        return None
    if low == 0:
        return max(1, round(high / _GALLOP**2))
    return max(low + 1, min(high - 1, round(math.sqrt(low * high))))


def search(
    holds: Callable[[int], bool], *, start: int, ceiling: int, resolution: float = FINE
) -> tuple[int, int | None]:
    """(low, high) of `holds`, which is taken to be true up to some number of writers and false beyond."""
    low, high = 0, None
    while True:
        load = next_load(low, high, start=start, ceiling=ceiling, resolution=resolution)
        if load is None:
            return low, high
        if holds(load):
            low = load
        else:
            high = load
