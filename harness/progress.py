"""The live display of a storm: a bar with writes/s and busy rate, on standard error, in a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from pytest_sessionreg.storm.storm import Progress

__all__ = ["storm_progress"]


class Show(Protocol):
    """Receives how the running storm stands."""

    def __call__(self, progress: Progress, /) -> None:
        """Show it."""


@contextmanager
def storm_progress(console: Console, duration_s: float | None) -> Iterator[Show]:
    """A bar per policy while the block runs. duration_s: how long each storm lasts where the writes are not counted."""
    if not console.is_terminal:
        yield lambda _: None
        return
    bar = Bar(
        TextColumn("{task.description:<13}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rates]}"),
        console=console,
    )
    tasks: dict[str, TaskID] = {}

    def show(progress: Progress) -> None:
        total = progress.planned if progress.planned is not None else duration_s
        done = progress.done if progress.planned is not None else progress.elapsed_s
        if progress.policy not in tasks:
            tasks[progress.policy] = bar.add_task(progress.policy, total=total, rates="")
        busy = "-" if progress.busy_rate is None else f"{progress.busy_rate * 100:.0f} %"
        bar.update(
            tasks[progress.policy],
            completed=done,
            rates=f"{progress.writes_per_s:,.0f} writes/s, busy {busy}",
        )

    with bar:
        yield show
