"""Storms against their baseline: whether the code under test got worse than it was when somebody last agreed to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.gate.baseline import Baseline
from pytest_sessionreg.gate.gate import measure_storm, run_gate
from pytest_sessionreg.gate.judgement import Judgement
from pytest_sessionreg.gate.measurement import Measurement
from pytest_sessionreg.gate.pairs import Ground
from pytest_sessionreg.storm.plan import Plan

__all__ = ["gate_storms", "measure_storms"]

OnRound = Callable[[str, int], None]


def gate_storms(
    plans: Mapping[str, Plan], baseline: Baseline, *, scale: float = 1.0, on_round: OnRound | None = None
) -> tuple[Judgement, ...]:
    """The verdict on each of `plans`, by name. on_round: called with a storm's name and the rounds it has done."""
    found = []
    for name, plan in plans.items():
        with Ground.of(plan) as ground:
            found.append(run_gate(name, plan, ground, baseline, scale=scale, on_round=_with_name(on_round, name)))
    return tuple(found)


def measure_storms(
    plans: Mapping[str, Plan], *, scale: float = 1.0, on_round: OnRound | None = None
) -> dict[str, dict[str, Measurement]]:
    """What a baseline is to hold for `plans`, by name and machine. Raises StormError for a storm that loses or doubles
    writes: that is nothing to be measured by.
    """
    found: dict[str, dict[str, Measurement]] = {}
    for name, plan in plans.items():
        with Ground.of(plan) as ground:
            machine, measurement, damage = measure_storm(plan, ground, scale=scale, on_round=_with_name(on_round, name))
        if measurement is None:
            raise StormError(f"{name}: {damage}; the baseline is left as it was")
        found[name] = {machine: measurement}
    return found


def _with_name(on_round: OnRound | None, name: str) -> Callable[[int], None] | None:
    return None if on_round is None else lambda done: on_round(name, done)
