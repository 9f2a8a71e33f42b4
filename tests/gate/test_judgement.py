"""The verdict of one look, held to rounds whose ratios are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from pytest_sessionreg.gate.judgement import Judgement, Verdict, judge
from pytest_sessionreg.gate.measurement import MEASURES, Measurement, StormLoad

_LOAD = StormLoad("heartbeat", 8, 2.0, 20.0, None, 7)
_TOLERANCES = {measure.name: measure.tolerance for measure in MEASURES}


def _rounds(middle: float, spread: float, count: int, seed: int) -> tuple[float, ...]:
    generator = np.random.default_rng(seed)
    return tuple((middle * np.exp(generator.normal(0, spread, count))).tolist())


def _measurement(
    seed: int = 1,
    *,
    rounds: int = 8,
    hold: float = 1.02,
    slowdown: float = 1.1,
    done: float = 1.0,
    noise: float = 1.0,
    control: Mapping[str, float] | None = None,
    policy: str = "WriteQueue(patience=5)",
    retries: float | None = 0.0,
) -> Measurement:
    """As measured on a busy machine of two processors: 1 % from round to round for holds, 6 % for slowdowns."""
    moved = {"hold": 1.08, "slowdown": 2.1, **(control or {})}
    return Measurement(
        load=_LOAD,
        policy=policy,
        ratios={
            "hold": _rounds(hold, 0.01 * noise, rounds, seed),
            "slowdown": _rounds(slowdown, 0.06 * noise, rounds, seed + 1),
            "done": (done,) * rounds,
        },
        control={
            "hold": _rounds(moved["hold"], 0.01, rounds, seed + 2),
            "slowdown": _rounds(moved["slowdown"], 0.14, rounds, seed + 3),
        },
        context={} if retries is None else {"retries_per_write": retries},
    )


def _judged(now: Measurement, before: Measurement | None = None) -> Judgement:
    return judge("s", now, before or _measurement(99, rounds=16), (), _TOLERANCES)


def test_unchanged_code_passes_and_says_how_it_stands() -> None:
    verdicts = [_judged(_measurement(seed), _measurement(seed + 5000, rounds=16)) for seed in range(0, 800, 20)]
    assert {judgement.verdict for judgement in verdicts} == {Verdict.PASS}
    assert verdicts[0].reason.startswith("hold 1.0")
    assert verdicts[0].reason.endswith("of the baseline")


@pytest.mark.parametrize(
    ("changed", "measure"),
    [
        ({"hold": 1.02 * 1.23}, "hold, to the control's: 1.2"),
        ({"slowdown": 8.0}, "mean latency, to the ideal's: "),
        ({"done": 0.97}, "writes done, of those begun: 1.03"),
    ],
)
def test_what_got_worse_is_seen_and_named(changed: dict[str, float], measure: str) -> None:
    for seed in range(0, 200, 20):
        judgement = _judged(_measurement(seed, **changed))  # type: ignore[arg-type]
        assert judgement.verdict is Verdict.REGRESSED
        assert judgement.reason.startswith(measure)
    assert "95 % interval" in judgement.reason  # type: ignore[possibly-undefined]


def test_within_the_tolerance_nothing_is_said() -> None:
    assert _judged(_measurement(hold=1.02 * 1.05)).verdict is Verdict.PASS


def test_an_improvement_is_told() -> None:
    judgement = _judged(_measurement(hold=0.7))
    assert judgement.verdict is Verdict.IMPROVED
    assert "update the baseline" in judgement.reason


def test_where_one_got_worse_the_others_improvement_does_not_save_it() -> None:
    assert _judged(_measurement(hold=1.5, slowdown=0.5)).verdict is Verdict.REGRESSED


@pytest.mark.parametrize("control", [{"hold": 1.5}, {"hold": 0.7}, {"slowdown": 6.0}, {"slowdown": 0.8}], ids=str)
def test_a_control_that_moved_makes_nobody_guilty_and_nobody_innocent(control: dict[str, float]) -> None:
    for now in (_measurement(control=control), _measurement(hold=1.02 * 1.25, control=control)):
        judgement = _judged(now)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert judgement.reason.startswith("the control moved, so the machine did: the control's")


def test_what_is_far_beyond_the_controls_own_movement_is_the_storms() -> None:
    assert _judged(_measurement(slowdown=20.0, control={"hold": 1.4})).verdict is Verdict.REGRESSED


def test_noise_that_could_hide_a_regression_is_no_pass() -> None:
    judgement = _judged(_measurement(slowdown=1.1, noise=10))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason.startswith("too noisy to tell: ")


@pytest.mark.parametrize(("now", "before"), [(4, 16), (8, 4)])
def test_four_rounds_are_too_few(now: int, before: int) -> None:
    judgement = _judged(_measurement(rounds=now, hold=9), _measurement(rounds=before))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reason == "too few samples: it takes 5 rounds with a figure on both sides"


def test_the_causes_come_from_what_changed() -> None:
    judgement = _judged(_measurement(hold=2.0, retries=3.0, policy="RetryBudget()"))
    assert judgement.causes == (
        "the policy is another: WriteQueue(patience=5) then, RetryBudget() now",
        "retries grew at equal load: 0 a write then, 3 now",
    )
    (holds,) = _judged(_measurement(hold=2.0, retries=None)).causes
    assert holds.startswith("holds grew: 1.0")
    assert "times the control's then, 2" in holds
