"""The rounds of one storm, which are the unit of comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from .limits import Budget
from .result import StormRun

__all__ = ["Rounds"]

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


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
