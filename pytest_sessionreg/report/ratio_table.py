"""The terminal's table of the policies' ratios to their control."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ..results.comparison import CONTROL, MEASURES, AgainstControl, RoundFigure, against_control
from ..results.ratios import FEWEST_ROUNDS, Ratio
from ..results.result import StormRun
from .figures import interval, times
from .table import plain_table

__all__ = ["finding", "ratio_table", "ratios_note"]

# More rounds than this do not fit; the least and the greatest stand for them.
_MOST_SHOWN = 5
_STYLES = {"better": "green", "worse": "red"}


def ratio_table(runs: Sequence[StormRun], control: str = CONTROL) -> Table | None:
    """A row per policy and measure, at most 100 columns wide; None where nothing can be set against `control`."""
    policies = against_control(runs, control)
    if not policies:
        return None
    most = max(len(ratio.rounds) for policy in policies for ratio in policy.ratios)
    table = plain_table()
    table.title = Text(f"times {control}, round by round", style="bold")
    table.add_column("policy", no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column("figure", no_wrap=True)
    headings = [f"{number}" for number in range(1, most + 1)] if most <= _MOST_SHOWN else ["least", "greatest"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("mean", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for policy in policies:
        _add(table, policy, most)
    table.caption = Text(ratios_note(policies))
    return table


def finding(measure: RoundFigure, ratio: Ratio) -> str:
    """One of "better", "worse" and "unclear" (the interval holds 1.0), or nothing where there is no interval."""
    if ratio.low is None or ratio.middle is None:
        return ""
    if not ratio.differs:
        return "unclear"
    return "better" if (ratio.middle < 1) == measure.less_is_better else "worse"


def ratios_note(policies: Sequence[AgainstControl]) -> str:
    """How the ratios were made, and what is missing."""
    fewest = min(ratio.over for policy in policies for ratio in policy.ratios)
    how = "Mean: geometric. Interval: bootstrap over rounds; unclear: it holds 1."
    if fewest >= FEWEST_ROUNDS:
        return how
    return f"{how} A dash: fewer than {FEWEST_ROUNDS} rounds have the figure, too few for an interval."


def _add(table: Table, policy: AgainstControl, most: int) -> None:
    for measure, ratio in zip(MEASURES, policy.ratios, strict=True):
        shown = list(ratio.rounds)
        if most > _MOST_SHOWN:
            shown = [min(shown), max(shown)] if shown else []
        cells = [times(value) for value in shown]
        cells += ["-"] * ((most if most <= _MOST_SHOWN else 2) - len(cells))
        said = finding(measure, ratio)
        first = measure is MEASURES[0]
        table.add_row(
            Text(policy.policy if first else ""),
            measure.name,
            *cells,
            times(ratio.middle),
            interval(ratio),
            Text(said, style=_STYLES.get(said, "")),
            end_section=measure is MEASURES[-1],
        )
