"""The terminal's table of a result."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..results.result import StormRun
from ..results.summary import PolicySummary, summarize_policies
from .figures import COLUMNS
from .remarks import summary_remarks

__all__ = ["PLAIN_WIDTH", "plain_table", "storm_table"]

# Columns of text that is no terminal's.
PLAIN_WIDTH = 100

_WIDTH = 100


def storm_table(runs: Sequence[StormRun]) -> Table:
    """A row per policy, over all its rounds, and under them what has to be said; at most 100 columns wide."""
    every = summarize_policies(runs)
    table = _storm_table(every, gap=1)
    wide = Console(width=10 * _WIDTH)
    return table if wide.measure(table).maximum <= _WIDTH else _storm_table(every, gap=0)


def plain_table(*, gap: int = 1) -> Table:
    """An empty table in the style of all of them; gap: more spaces between columns than one."""
    return Table(
        box=box.SIMPLE_HEAD,
        padding=(0, gap, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
        caption_justify="left",
        caption_style="dim",
        title_justify="left",
        title_style="bold",
    )


def _storm_table(every: Sequence[PolicySummary], *, gap: int) -> Table:
    table = plain_table(gap=gap)
    for column in COLUMNS:
        left = column.heading[1] == "policy"
        table.add_column(
            Text("\n".join(column.heading)),
            justify="left" if left else "right",
            no_wrap=True,
            vertical="bottom",
            overflow="ellipsis",
            max_width=24 if left else None,
        )
    for policy in every:
        style = "bold red" if policy.broken else "red" if policy.never_happened else ""
        table.add_row(*(Text(column.text(policy)) for column in COLUMNS), style=style)
    said = summary_remarks(every)
    if said:
        table.caption = Text("\n".join(said))
    return table
