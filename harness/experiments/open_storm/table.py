"""An open storm as people read it: a table of orders and states, and the finding."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from .orders import order_named
from .result import Cell, OpeningFailure, OpenStormResult
from .stage import STATES

__all__ = ["finding", "open_storm_table", "wrong"]

# The names of the codes that openers meet (https://www.sqlite.org/rescode.html).
_CODES = {
    1: "ERROR: what it wants to create exists",
    5: "BUSY",
    14: "CANTOPEN",
    15: "PROTOCOL",
    261: "BUSY_RECOVERY",
    517: "BUSY_SNAPSHOT",
    773: "BUSY_TIMEOUT",
}
_SHOWN_FAILURES = 3


def open_storm_table(result: OpenStormResult) -> Table:
    """A row per order, a column per state, at most 100 columns wide."""
    cells = {(cell.order, cell.state): cell for cell in result.cells()}
    orders = list(dict.fromkeys(order for order, _ in cells))
    states = list(dict.fromkeys(state for _, state in cells))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.title = Text(f"{result.openers} processes open one file at once; failed openings, by step and SQLite's code")
    table.title_justify = "left"
    table.caption = _legend(result)
    table.caption_justify = "left"
    table.add_column("order of the steps", overflow="fold", max_width=28)
    for state in states:
        table.add_column(state, no_wrap=True)
    for order in orders:
        summary = Text(order, style="bold")
        summary.append(f"\n{order_named(order).summary}", style="dim")
        table.add_row(summary, *(_text(cells.get((order, state))) for state in states), end_section=True)
    return table


def _text(cell: Cell | None) -> Text:
    if cell is None:
        return Text("-")
    if not cell.failed:
        text = Text("none", style="green")
        text.append(f"\n{cell.median_ms:.1f} ms, max {cell.longest_ms:.0f}", style="dim")
        return text
    text = Text(f"{cell.failed} of {cell.openings}", style="bold red")
    for failure in cell.failures[:_SHOWN_FAILURES]:
        text.append(f"\n{_failure_in_words(failure)} x{failure.count}", style="red")
    more = len(cell.failures) - _SHOWN_FAILURES
    if more > 0:
        text.append(f"\nand {more} more kinds", style="red")
    if cell.damaged:
        text.append(f"\ndamaged in {cell.damaged} rounds", style="bold red")
    return text


def _failure_in_words(failure: OpeningFailure) -> str:
    return f"{failure.phase}: {failure.kind if failure.code is None else failure.code}"


def _legend(result: OpenStormResult) -> Text:
    cells = result.cells()
    rounds = sorted({cell.rounds for cell in cells})
    counted = f"{rounds[0]}" if rounds[0] == rounds[-1] else f"{rounds[0]} to {rounds[-1]}"
    codes = sorted({failure.code for cell in cells for failure in cell.failures if failure.code is not None})
    states = dict.fromkeys(cell.state for cell in cells)
    lines = [f"{counted} rounds of each; the median and the longest opening where none failed"]
    lines += [f"{state}: {STATES[state]}" for state in states]
    if codes:
        lines.append(
            "codes: " + ", ".join(f"{code} {_CODES.get(code, 'see sqlite.org/rescode.html')}" for code in codes)
        )
    return Text("\n".join(lines), style="dim")


def finding(result: OpenStormResult) -> str:
    """What the rounds show, in a few sentences."""
    cells = result.cells()
    sentences = [f"{result.openers} processes open one file at once."]
    for state in dict.fromkeys(cell.state for cell in cells):
        failing = [cell for cell in cells if cell.state == state and cell.failed]
        if failing:
            parts = ", ".join(
                f"{cell.order} {cell.failed} of {cell.openings} ({_main_failure(cell)})" for cell in failing
            )
            sentences.append(f"Failed on a {state} file: {parts}.")
    stalled = [
        cell for cell in cells if cell.state == "held" and not cell.failed and cell.median_ms > result.hold_ms / 2
    ]
    if stalled:
        names = " and ".join(cell.order for cell in stalled)
        sentences.append(f"Behind a writer that held the lock for {result.hold_ms:g} ms, {names} stalled.")
    for order in ("today", "registry"):
        own = [cell for cell in cells if cell.order == order]
        if own:
            name = "Registry.open" if order == "registry" else "today's order"
            failed, openings = sum(cell.failed for cell in own), sum(cell.openings for cell in own)
            sentences.append(f"Of {openings:,} openings by {name} {failed or 'none'} failed.")
    return " ".join(sentences)


def _main_failure(cell: Cell) -> str:
    """Its most frequent failure."""
    main = cell.failures[0]
    return (
        f"{'' if len(cell.failures) == 1 else 'mostly '}{main.kind if main.code is None else main.code} at {main.phase}"
    )


def wrong(result: OpenStormResult) -> Sequence[str]:
    """What must not be, a line each."""
    lines = [
        f"{cell.order} on a {cell.state} file: {cell.failed} of {cell.openings} openings failed, "
        f"{cell.damaged} files damaged; see the table for the step and the code"
        for cell in result.wrong
    ]
    if result.blind:
        lines.append(
            "the control is green: opening a fresh file without a timeout never failed, so nothing was raced and the "
            "harness is blind; raise --openers or --rounds"
        )
    return lines
