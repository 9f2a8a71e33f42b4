"""The same storm several times over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

from ..results.limits import Budget
from ..results.numbers import check_number
from ..results.result import StormRun
from .interruption import StormInterrupted, WorkloadFailed
from .plan import Plan
from .storm import run_storm

__all__ = ["Rounds", "run_round", "run_rounds"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's


@dataclass(frozen=True, slots=True, eq=False)
class Rounds(Sequence[StormRun]):
    """The runs of one storm in the order in which they were made; the unit of comparison is the round."""

    runs: tuple[StormRun, ...]

    @property
    def lost(self) -> int | None:
        """Acknowledged writes that are not in the database, over all rounds; None where nobody could check one."""
        return _sum([run.counts.lost for run in self.runs])

    @property
    def duplicated(self) -> int | None:
        """Rows found more than once, over all rounds; None where nobody could check one."""
        return _sum([run.counts.duplicated for run in self.runs])

    def check(self, budget: Budget) -> None:
        """Raise BudgetExceeded, which is an AssertionError, where the rounds went over `budget`."""
        budget.check(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    @overload
    def __getitem__(self, index: int) -> StormRun: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[StormRun, ...]: ...
    def __getitem__(self, index: int | slice) -> StormRun | tuple[StormRun, ...]:
        return self.runs[index]


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


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
