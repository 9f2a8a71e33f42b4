"""How a storm's result is shown and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console

from pytest_sessionreg.error_base import ResultError
from pytest_sessionreg.report.renderers import Written
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.failures import merge_failures
from pytest_sessionreg.results.result import StormResult
from pytest_sessionreg.results.summary import summarize_policies

from ..outcome import Figures

__all__ = ["StormOutcome", "read_outcome", "read_storm"]


class StormOutcome:
    """`result` as an Outcome."""

    def __init__(self, result: StormResult) -> None:
        self._result = result
        self._failures = merge_failures(failure for run in result.runs for failure in run.failures)

    @property
    def envelope(self) -> Envelope:
        """What it says about itself."""
        return self._result.envelope

    @property
    def json(self) -> str:
        """The whole result."""
        return self._result.to_json()

    @property
    def finding(self) -> str:
        """The conclusion."""
        from pytest_sessionreg.report.conclusion import conclusion

        return conclusion(self._result.runs)

    @property
    def figures(self) -> Sequence[Figures]:
        """A row per policy."""
        return [
            Figures(
                policy.policy,
                {
                    "writes": policy.attempted,
                    "exhausted": policy.exhausted,
                    "lost": policy.lost,
                    "p50 ms": policy.latency_ms.p50,
                    "p99 ms": policy.latency_ms.p99,
                    "p99 /ideal": policy.slowdown.p99,
                    "writes /s": policy.throughput_per_s,
                },
            )
            for policy in summarize_policies(self._result.runs)
        ]

    @property
    def complaints(self) -> Sequence[str]:
        """The first traceback of the caller's own code, and how often it came."""
        first = self._failures[:1]
        return [f"{failure.traceback.rstrip()}\n{failure.line()}: {failure.count} times" for failure in first]

    @property
    def wrong(self) -> bool:
        """Whether writes failed by themselves, or something was lost, doubled or damaged."""
        return bool(self._failures) or any(run.damaged for run in self._result.runs)

    def show(self, console: Console) -> None:
        """Print the tables, the verdict, the remarks and the machine."""
        from pytest_sessionreg.report.ratio_table import ratio_table
        from pytest_sessionreg.report.remarks import storm_remarks
        from pytest_sessionreg.report.table import storm_table

        runs = self._result.runs
        console.print(storm_table(runs))
        ratios = ratio_table(runs) if any(run.rounds > 1 for run in runs) else None
        if ratios is not None:
            console.print()
            console.print(ratios)
        console.print(self.finding, markup=False)
        for remark in storm_remarks(runs):
            console.print(remark, markup=False)
        console.print(self._result.environment.line(), markup=False, style="dim")

    def write(self, directory: Path, *, plots: bool, json: bool) -> Written:
        """Write the page, the pictures and the result."""
        from pytest_sessionreg.report.storm_report import write_report

        return write_report(self._result, directory, plots=plots, json=json)


def read_storm(text: str) -> StormResult:
    """The storm's result in `text`. Raises ResultError where it is none, or holds nothing that could be shown."""
    result = StormResult.from_json(text)
    if not result.runs:
        raise ResultError("the result holds no run; run it again")
    for run in result.runs:
        if len({len(getattr(run.samples, column.name)) for column in fields(run.samples)}) > 1:
            raise ResultError(f"the samples of {run.policy} are columns of different lengths; run it again")
    return result


def read_outcome(text: str) -> StormOutcome:
    """The storm's result in `text` as an Outcome. Raises ResultError as read_storm does."""
    return StormOutcome(read_storm(text))
