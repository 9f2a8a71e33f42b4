"""The live display of an experiment: what runs now, and how much is done; on standard error, in a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["ShowStep", "step_display"]

_LONGEST_NAME = 44


class ShowStep(Protocol):
    """Receives how the running experiment stands."""

    def __call__(self, now: str, done: float, total: float, /) -> None:
        """`now` is what runs, `done` of `total` what was finished before it."""


@contextmanager
def step_display(console: Console) -> Iterator[ShowStep]:
    """A bar that names the step under way, while the block runs."""
    if not console.is_terminal:
        yield lambda _now, _done, _total: None
        return
    bar = Progress(
        TextColumn(f"{{task.description:<{_LONGEST_NAME}}}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task("", total=None)

    def show(now: str, done: float, total: float) -> None:
        bar.update(task, description=now[:_LONGEST_NAME], completed=done, total=total)

    with bar:
        yield show
