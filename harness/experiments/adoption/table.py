"""A registry's skills as people read them: suggested beside invoked, and the rate."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from pytest_sessionreg.report.figures import DASH, percent
from pytest_sessionreg.report.table import plain_table

from .result import AdoptionResult

__all__ = ["adoption_table", "finding"]

_UNITS = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def adoption_table(result: AdoptionResult) -> Table:
    """A row per skill, at most 100 columns wide."""
    table = plain_table(gap=2)
    table.title = Text(f"skills {_where(result)}")
    table.add_column("skill", overflow="ellipsis", no_wrap=True, max_width=50)
    for heading in ("suggested", "invoked", "taken", "adoption"):
        table.add_column(heading, justify="right", no_wrap=True)
    for skill in result.skills:
        table.add_row(
            Text(skill.skill),
            f"{skill.suggested}",
            f"{skill.invoked}",
            f"{skill.taken}",
            percent(skill.taken / skill.suggested) if skill.suggested else DASH,
        )
    if not result.skills:
        table.add_row(Text("none", style="dim"), *["0"] * 3, DASH)
    table.caption = Text("taken: invoked afterwards in the same session\nadoption: taken, of what was suggested")
    return table


def finding(result: AdoptionResult) -> str:
    """The rate in one sentence."""
    if result.rate is None:
        return f"Nothing was suggested {_where(result)}, so there is no rate."
    return f"{result.taken} of {result.suggested} suggestions {_where(result)} were taken: {result.rate:.1%}."


def _where(result: AdoptionResult) -> str:
    session = "" if result.session is None else f"session {result.session}, "
    workspace = "" if result.workspace == "default" else f"workspace {result.workspace}, "
    return f"in {session}{workspace}the last {_span(result.window_s)}"


def _span(seconds: float) -> str:
    """As --window takes it, in the largest unit that is whole."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds % size == 0), _UNITS[-1])
    return f"{seconds / size:g}{unit}"
