from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_sessionreg._harness.experiments.capacity.load import CapacityRound, Target
from pytest_sessionreg._harness.experiments.capacity.picture import capacity_pictures
from pytest_sessionreg._harness.experiments.capacity.result import KIND, SCHEMA, CapacityResult
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment


@pytest.fixture
def found(database: str) -> CapacityResult:
    def load(policy: str, hold_ms: float, writers: int, slow: int, question: str = "target") -> CapacityRound:
        return CapacityRound(question, policy, hold_ms, writers, 1, 400, 0, slow, 90.0, 300.0, 0.5, 0)

    rounds = [load("queue", 2, 64, 0), load("queue", 2, 70, 90), load("queue", 8, 16, 0), load("queue", 8, 18, 90)]
    rounds += [load("budget", 2, 18, 0), load("budget", 2, 20, 90), load("budget", 8, 1, 90)]
    rounds += [load("budget", 2, 60, 200, "survival")]
    return CapacityResult(
        envelope=Envelope(KIND, SCHEMA, "sessionreg capacity", Environment.of(database)),
        target=Target(),
        policies=("budget", "queue"),
        holds_ms=(2, 8),
        think_ms=150,
        workers=32,
        hold_ms=2,
        ceiling=60,
        round_s=1.5,
        survival_round_s=3.15,
        planned_s=270,
        rounds=tuple(rounds),
    )


def test_the_frontier_is_drawn_in_both_formats(found: CapacityResult) -> None:
    pictures = capacity_pictures(found)
    assert list(pictures) == ["capacity.png", "capacity.svg"]
    assert pictures["capacity.png"].startswith(b"\x89PNG")
    assert b"<svg" in pictures["capacity.svg"]


def test_its_title_says_what_the_weakest_and_the_strongest_stand(found: CapacityResult) -> None:
    svg = capacity_pictures(found)["capacity.svg"].decode()
    assert "At 2 ms hold budget stands 18 writers, queue 64" in svg
    assert "budget, whatever its p99" in svg


def test_without_a_single_point_there_is_no_picture(found: CapacityResult) -> None:
    assert capacity_pictures(replace(found, rounds=())) == {}
