"""The law behind the frontier: in a queue of N writers that each hold the lock for h, the last one waits about N x h.

A retry budget gives up when its sleeps are over, in turn or not. So it cannot stand a crowd whose N x h exceeds the
time that its retries last: 1.275 s on average, 2.25 s at most. That is the limit of a queue; a budget does not queue.
Each of its 16 attempts finds the lock busy with the chance rho that it is busy, so that it gives up with rho ** 16: one
write in a thousand at a lock that is busy 65 % of the time, long before the crowd is too large to be served in time.
"""

from __future__ import annotations

from pytest_sessionreg.registry.sqlite.admission.retry_budget import RetryBudget

__all__ = ["longest_patience_ms", "mean_patience_ms"]


def mean_patience_ms(budget: RetryBudget | None = None) -> float:
    """What the sleeps of an exhausted budget add up to on average: 15 x (20 + 150) / 2 = 1275 ms by default."""
    chosen = budget or RetryBudget()
    return chosen.retries * (chosen.min_delay + chosen.max_delay) / 2 * 1000


def longest_patience_ms(budget: RetryBudget | None = None) -> float:
    """What they add up to at most: 15 x 150 = 2250 ms by default."""
    chosen = budget or RetryBudget()
    return chosen.retries * chosen.max_delay * 1000
