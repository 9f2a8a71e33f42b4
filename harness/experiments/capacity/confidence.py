"""How sure a number of rounds makes us."""

from __future__ import annotations

__all__ = ["failing_share_bound"]

_CONFIDENCE = 0.95


def failing_share_bound(rounds: int, failed: int = 0) -> float:
    """The share of all rounds that may fail, at most, with 95 % confidence, when `failed` of `rounds` did: Clopper and
    Pearson's one-sided bound. With none failed it is 1 - 0.05 ** (1 / rounds), which the rule of three rounds to
    3 / rounds; 299 rounds bring it to 1 %.
    """
    if failed >= rounds:
        return 1.0
    low, high = failed / rounds, 1.0
    for _ in range(60):  # bisection: the chance of at most `failed` failures falls as the share grows
        share = (low + high) / 2
        if _at_most(failed, rounds, share) > 1 - _CONFIDENCE:
            low = share
        else:
            high = share
    return high


def _at_most(failed: int, rounds: int, share: float) -> float:
    """The chance of at most `failed` failures in `rounds` rounds that fail with the chance `share` each."""
    term = (1 - share) ** rounds
    total = term
    for count in range(1, failed + 1):
        term *= (rounds - count + 1) / count * share / (1 - share) if share < 1 else 0.0
        total += term
    return total
