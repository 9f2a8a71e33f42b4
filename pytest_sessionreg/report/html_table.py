"""A table of the terminal as the page shows it: the same cells, so that both say the same."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

__all__ = ["HtmlCell", "HtmlLine", "HtmlRow", "HtmlTable", "html_table"]


@dataclass(frozen=True, slots=True)
class HtmlLine:
    """One line of a cell; style: rich's words for it, which are the page's classes, e.g. "bold red"."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class HtmlCell:
    """right: whether it is a figure, set to the right."""

    lines: tuple[HtmlLine, ...]
    right: bool

    @property
    def text(self) -> str:
        """Its lines as one."""
        return " ".join(line.text for line in self.lines if line.text).replace("- ", "")


@dataclass(frozen=True, slots=True)
class HtmlRow:
    """first: whether a section begins with it."""

    cells: tuple[HtmlCell, ...]
    first: bool


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """headings: none where the table shows none."""

    title: str
    caption: str
    headings: tuple[HtmlCell, ...]
    rows: tuple[HtmlRow, ...]


def html_table(table: Table) -> HtmlTable:
    """The texts and styles of `table`, whose cells are strings or Text."""
    columns = [[_cell(cell, right=column.justify == "right") for cell in column.cells] for column in table.columns]
    ends = [False, *(row.end_section for row in table.rows)]
    return HtmlTable(
        title=_plain(table.title),
        caption=_plain(table.caption),
        headings=tuple(_cell(column.header, right=column.justify == "right") for column in table.columns)
        if table.show_header
        else (),
        rows=tuple(HtmlRow(cells, first) for cells, first in zip(zip(*columns, strict=True), ends, strict=False)),
    )


def _cell(content: RenderableType, *, right: bool) -> HtmlCell:
    text = content if isinstance(content, Text) else Text(str(content))
    return HtmlCell(tuple(HtmlLine(line.plain, _style(text, line)) for line in text.split("\n")), right)


def _style(whole: Text, line: Text) -> str:
    """The one style of a line: that of its first span, else that of the whole cell."""
    style = line.spans[0].style if line.spans else whole.style
    return str(style) if not isinstance(style, Style) else ""


def _plain(text: str | Text | None) -> str:
    return text.plain if isinstance(text, Text) else text or ""
