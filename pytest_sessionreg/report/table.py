"""The terminal's table of a result."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from ..storm.result import Run
from .figures import COLUMNS

__all__ = ["storm_table"]


def storm_table(runs: Sequence[Run]) -> Table:
    """A row per run, at most 100 columns wide."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    for column in COLUMNS:
        left = column.heading[1] == "policy"
        table.add_column(
            Text("\n".join(column.heading)),
            justify="left" if left else "right",
            no_wrap=True,
            vertical="bottom",
        )
    for run in runs:
        bad = run.counts.lost or run.counts.exhausted or run.counts.failed
        table.add_row(
            *(column.text(run) for column in COLUMNS),
            style="bold red" if run.counts.lost else "red" if bad else "",
        )
    return table
