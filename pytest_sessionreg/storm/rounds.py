"""The same storm several times over."""

from __future__ import annotations

from dataclasses import replace

from ..results.numbers import check_number
from ..results.result import StormRun
from ..results.rounds import Rounds
from .interruption import StormInterrupted, WorkloadFailed
from .plan import Plan
from .storm import run_storm

__all__ = ["run_round", "run_rounds"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's


def run_round(plan: Plan) -> StormRun:
    """Run `plan` once. Raises as run_storm, but KeyboardInterrupt for Ctrl-C."""
    try:
        return run_storm(plan)
    except StormInterrupted as error:
        if error.by_ctrl_c:
            raise KeyboardInterrupt from error
        raise


def run_rounds(plan: Plan, rounds: int) -> Rounds:
    """Run `plan` so many times; round k has the seed of `plan` plus k - 1.

    Raises as run_round, and WorkloadFailed after a round in which the caller's own function raised.
    """
    check_number("rounds", rounds, 1, 10_000, whole=True)
    runs = []
    for number in range(1, rounds + 1):
        run = replace(run_round(replace(plan, seed=plan.seed + number - 1)), round=number, rounds=rounds)
        if run.failures:
            raise WorkloadFailed(run)
        runs.append(run)
    return Rounds(tuple(runs))
