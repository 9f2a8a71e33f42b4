"""How far the order of admission was the order of arrival."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_sessionreg.results.samples import Samples

__all__ = ["OVERTAKEN_BY_MS", "overtakings_us"]

# In order a writer of these storms waits some 15 ms; to be overtaken by one that came so much later is no chance.
OVERTAKEN_BY_MS = 20


def overtakings_us(samples: Samples) -> npt.NDArray[np.int64]:
    """When a writer was admitted ahead of one that had come more than OVERTAKEN_BY_MS earlier and still waited."""
    admitted = samples.hold_us > 0
    came_us = samples.started_us[admitted]
    begun_us = came_us + samples.wait_us[admitted]
    by_begin = np.argsort(begun_us, kind="stable")
    came_us, begun_us = came_us[by_begin], begun_us[by_begin]
    if not len(came_us):
        return begun_us
    # of all that were admitted later, the one that had come first
    earliest_us = np.minimum.accumulate(came_us[::-1])[::-1]
    found: npt.NDArray[np.int64] = begun_us[:-1][earliest_us[1:] < came_us[:-1] - OVERTAKEN_BY_MS * 1000]
    return found
