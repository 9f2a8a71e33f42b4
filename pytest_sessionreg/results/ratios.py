"""Ratios of rounds, and how sure they are. The unit is the round: writes of one round share a machine, a minute and a
queue, so that thousands of them are no thousands of independent observations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST_ROUNDS", "Ratio", "paired_ratio", "unpaired_ratio"]

# Below this a resampled interval means nothing: of n rounds, all lie on one side of the true median with a probability
# of 2 / 2**n, which for n = 4 is already 12.5 %.
FEWEST_ROUNDS = 5
_RESAMPLES = 10_000
_CONFIDENCE = 0.95

Logs = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times one figure is another.

    rounds: the ratio of each pair of rounds, empty where rounds are not paired.
    middle: the geometric mean, None without any value.
    low, high: its 95 % interval, None with fewer than FEWEST_ROUNDS rounds on either side.
    over, under: how many rounds each side has.
    """

    rounds: tuple[float, ...]
    middle: float | None
    low: float | None
    high: float | None
    over: int
    under: int

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 1.0 out."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def paired_ratio(over: Sequence[float | None], under: Sequence[float | None]) -> Ratio:
    """The ratio of `over` to `under`, round by round; both in the order of the same rounds.

    A pair counts where both have a figure above 0. The interval is an expanded percentile bootstrap over the pairs
    (Hesterberg, "What Teachers Should Know about the Bootstrap", 2015, section 5.3): the plain one is too short for so
    few rounds.
    """
    pairs = [(a, b) for a, b in zip(over, under, strict=True) if a and b]
    logs = np.array([math.log(a / b) for a, b in pairs])
    return _ratio(_resampled(logs), logs.mean() if len(logs) else None, [a / b for a, b in pairs], len(logs), len(logs))


def unpaired_ratio(over: Sequence[float | None], under: Sequence[float | None]) -> Ratio:
    """The ratio of `over` to `under`, whose rounds have nothing to do with each other: each side is resampled alone.

    The interval is as wide as the side with fewer rounds asks for.
    """
    upper = np.array([math.log(value) for value in over if value])
    lower = np.array([math.log(value) for value in under if value])
    middle = upper.mean() - lower.mean() if len(upper) and len(lower) else None
    return _ratio(_resampled(upper) - _resampled(lower, stream=1), middle, [], len(upper), len(lower))


def _resampled(logs: Logs, *, stream: int = 0) -> Logs:
    """Means of resamples of `logs`; always the same ones, so that reading a result twice says the same twice."""
    if not len(logs):
        return np.zeros(_RESAMPLES)
    picks = np.random.default_rng(stream).integers(0, len(logs), (_RESAMPLES, len(logs)))
    means: Logs = logs[picks].mean(axis=1)
    return means


def _ratio(means: Logs, middle: float | None, rounds: Sequence[float], over: int, under: int) -> Ratio:
    fewest = min(over, under)
    low = high = None
    if fewest >= FEWEST_ROUNDS:
        tail = _tail(fewest)
        low, high = (float(math.exp(bound)) for bound in np.quantile(means, [tail, 1 - tail]))
    return Ratio(
        rounds=tuple(rounds),
        middle=None if middle is None else math.exp(middle),
        low=low,
        high=high,
        over=over,
        under=under,
    )


def _tail(rounds: int) -> float:
    """The share of resampled means to cut at each end: Hesterberg's, with the factor for the missing degree of freedom
    and Student's quantile in place of the normal one.
    """
    wider = math.sqrt(rounds / (rounds - 1)) * _student((1 + _CONFIDENCE) / 2, rounds - 1)
    return NormalDist().cdf(-wider)


def _student(q: float, freedom: int) -> float:
    """Quantile `q` of Student's t; Abramowitz and Stegun 26.7.5, right to 0.001 from 4 degrees of freedom on."""
    z = NormalDist().inv_cdf(q)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum((term / float(freedom) ** power for power, term in enumerate(terms)), 0.0)
