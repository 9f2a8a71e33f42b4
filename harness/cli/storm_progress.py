"""The live display of storms: bars with writes/s, busy rate and time left, on standard error, in a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from pytest_sessionreg.storm.storm import Progress

from ..experiments.storm.experiment import RoundProgress

__all__ = ["rounds_progress", "storm_progress"]


class ShowStorm(Protocol):
    """Receives how the running storm stands."""

    def __call__(self, progress: Progress, /) -> None:
        """Show it."""


class ShowRound(Protocol):
    """Receives how the running experiment stands."""

    def __call__(self, progress: RoundProgress, /) -> None:
        """Show it."""


@contextmanager
def storm_progress(console: Console, duration_s: float | None) -> Iterator[ShowStorm]:
    """A bar per policy while the block runs. duration_s: how long each storm lasts where the writes are not counted."""
    if not console.is_terminal:
        yield lambda _: None
        return
    bar = _bar(console, 13)
    tasks: dict[str, TaskID] = {}

    def show(progress: Progress) -> None:
        share = _share(progress, duration_s)
        if progress.policy not in tasks:
            for task in tasks.values():
                bar.update(task, left="")
            tasks[progress.policy] = bar.add_task(progress.policy, total=1, rates="", left="")
        bar.update(
            tasks[progress.policy], completed=share, rates=_rates(progress), left=_time_left(progress.elapsed_s, share)
        )

    with bar:
        yield show


@contextmanager
def rounds_progress(console: Console, duration_s: float | None) -> Iterator[ShowRound]:
    """One bar over all storms of all rounds. duration_s: how long each lasts where the writes are not counted."""
    if not console.is_terminal:
        yield lambda _: None
        return
    bar = _bar(console, 24)
    task = bar.add_task("starting", total=1, rates="", left="")

    def show(progress: RoundProgress) -> None:
        share = (progress.number - 1 + _share(progress.storm, duration_s)) / progress.storms
        started_s = bar.tasks[0].elapsed or 0.0
        round_name = f"round {progress.round}/{progress.rounds} " if progress.rounds > 1 else ""
        bar.update(
            task,
            description=f"{round_name}{progress.storm.policy}",
            completed=share,
            rates=_rates(progress.storm),
            left=_time_left(started_s, share),
        )

    with bar:
        yield show


def _bar(console: Console, name_width: int) -> Bar:
    return Bar(
        TextColumn(f"{{task.description:<{name_width}}}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rates]}"),
        TextColumn("{task.fields[left]}"),
        console=console,
    )


def _share(progress: Progress, duration_s: float | None) -> float:
    """How much of the storm is done, from 0 to 1."""
    if progress.planned is not None:
        return min(progress.done / progress.planned, 1.0)
    return min(progress.elapsed_s / duration_s, 1.0) if duration_s else 0.0


def _rates(progress: Progress) -> str:
    busy = "-" if progress.busy_rate is None else f"{progress.busy_rate * 100:.0f} %"
    in_line = "" if progress.in_line is None else f", {progress.in_line} in line"
    return f"{progress.writes_per_s:,.0f} writes/s, busy {busy}{in_line}"


def _time_left(elapsed_s: float, share: float) -> str:
    """The time left, if what is to come goes as fast as what is done."""
    if share <= 0 or elapsed_s <= 0:
        return ""
    seconds = round(elapsed_s * (1 - share) / share)
    return f"{seconds // 60}:{seconds % 60:02d} left"
