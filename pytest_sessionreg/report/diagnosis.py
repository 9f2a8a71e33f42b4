"""The terminal's table of a diagnosis."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from ..registry.doctor import Diagnosis

__all__ = ["diagnosis_table"]

_STYLES = {"ok": "", "note": "yellow", "wrong": "bold red"}


def diagnosis_table(diagnosis: Diagnosis) -> Table:
    """A row per finding, at most 100 columns wide: its level, its name, what was found and what to do."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
        title_justify="left",
    )
    table.title = Text(diagnosis.path)
    for name in ("", "what", "found", "what to do"):
        table.add_column(name, overflow="fold")
    for finding in diagnosis.findings:
        style = _STYLES[finding.level]
        table.add_row(
            Text(finding.level, style=style), finding.name, Text(finding.value, style=style), Text(finding.remedy)
        )
    return table
