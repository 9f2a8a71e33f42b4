"""The law behind the frontier: in a queue of N writers that each hold the lock for h, the last one waits about N x h.

A retry budget gives up when its sleeps are over, whoever is next. So it stands a crowd whose N x h stays below the time
that its retries last: 1.275 s on average, 2.25 s with the longest of luck.
"""

from __future__ import annotations

from pytest_sessionreg.registry.admission.retry_budget import RetryBudget

__all__ = ["longest_patience_ms", "mean_patience_ms", "writers_by_law"]


def mean_patience_ms(budget: RetryBudget | None = None) -> float:
    """What the sleeps of an exhausted budget add up to on average: 15 x (20 + 150) / 2 = 1275 ms by default."""
    chosen = budget or RetryBudget()
    return chosen.retries * (chosen.min_delay + chosen.max_delay) / 2 * 1000


def longest_patience_ms(budget: RetryBudget | None = None) -> float:
    """What they add up to at most: 15 x 150 = 2250 ms by default."""
    chosen = budget or RetryBudget()
    return chosen.retries * chosen.max_delay * 1000


def writers_by_law(hold_ms: float) -> float:
    """How many writers that all come at once have had their turn when the budget's mean patience ends."""
    return mean_patience_ms() / hold_ms
