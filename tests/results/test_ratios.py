from __future__ import annotations

import numpy as np
import pytest

from pytest_sessionreg.results import ratios
from pytest_sessionreg.results.ratios import FEWEST_ROUNDS, paired_ratio, unpaired_ratio


@pytest.mark.parametrize(("freedom", "t"), [(4, 2.7764), (9, 2.2622), (30, 2.0423), (1000, 1.9623)])
def test_students_quantile_is_the_tables(freedom: int, t: float) -> None:
    assert ratios._student(0.975, freedom) == pytest.approx(t, abs=0.001)


@pytest.mark.parametrize("kind", [paired_ratio, unpaired_ratio])
@pytest.mark.parametrize("rounds", [5, 12])
def test_the_interval_holds_the_truth_as_often_as_it_says(kind: object, rounds: int) -> None:
    generator = np.random.default_rng(11)
    held = 0
    for _ in range(300):
        under = np.exp(generator.normal(0, 0.2, rounds))
        over = 1.5 * np.exp(generator.normal(0, 0.2, rounds))
        ratio = kind(over.tolist(), under.tolist())  # type: ignore[operator]
        assert ratio.low < ratio.middle < ratio.high
        held += ratio.low <= 1.5 <= ratio.high
    assert 0.90 <= held / 300 <= 0.99  # the plain percentile interval: 0.82 with five rounds


def test_pairs_take_out_what_a_round_does_to_both() -> None:
    weather = [1.0, 3.0, 0.5, 2.0, 0.8]
    over = [1.2 * factor * noise for factor, noise in zip(weather, (1.01, 0.99, 1.0, 1.02, 0.98), strict=True)]
    assert paired_ratio(over, weather).differs
    assert not unpaired_ratio(over, weather).differs


def test_a_ratio_says_each_round_and_their_geometric_mean() -> None:
    ratio = paired_ratio([2.0, 8.0, 4.0, 4.0, 4.0], [1.0, 1.0, 1.0, 1.0, 1.0])
    assert ratio.rounds == (2.0, 8.0, 4.0, 4.0, 4.0)
    assert ratio.middle == pytest.approx(4.0)
    assert ratio.low is not None
    assert ratio.high is not None
    assert 2.0 <= ratio.low < 4.0 < ratio.high <= 8.0


@pytest.mark.parametrize("kind", [paired_ratio, unpaired_ratio])
def test_fewer_than_five_rounds_have_no_interval(kind: object) -> None:
    few = [2.0] * (FEWEST_ROUNDS - 1)
    ratio = kind(few, few)  # type: ignore[operator]
    assert (ratio.middle, ratio.low, ratio.high, ratio.differs) == (1.0, None, None, False)


def test_a_round_without_the_figure_is_no_pair() -> None:
    ratio = paired_ratio([2.0, None, 2.0, 2.0, 0.0, 2.0], [1.0, 1.0, None, 1.0, 1.0, 1.0])
    assert (ratio.rounds, ratio.over, ratio.low) == ((2.0, 2.0, 2.0), 3, None)


def test_nothing_has_no_ratio() -> None:
    assert paired_ratio([], []).middle is None
    assert unpaired_ratio([None], [1.0]).middle is None
    assert unpaired_ratio([None], [1.0]).over == 0


def test_reading_twice_says_the_same() -> None:
    values = ([1.0, 1.2, 0.9, 1.1, 1.3], [1.0, 0.8, 1.0, 0.9, 1.0])
    assert paired_ratio(*values) == paired_ratio(*values)
    assert unpaired_ratio(*values) == unpaired_ratio(*values)


def test_the_other_way_round_it_is_the_inverse() -> None:
    a, b = [1.0, 1.2, 0.9, 1.1, 1.3, 1.0], [2.0, 1.8, 2.0, 1.9, 2.0, 2.2]
    there, back = paired_ratio(a, b), paired_ratio(b, a)
    assert there.middle is not None
    assert back.middle is not None
    assert there.middle * back.middle == pytest.approx(1)
    assert there.differs
    assert back.differs
