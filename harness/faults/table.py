"""The fault menu as people read it: a row per fault and policy, and the finding."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from pytest_sessionreg.report.figures import DASH, milliseconds

from .menu import fault_named
from .result import FaultRow, FaultsResult
from .seen import Seen

__all__ = ["fault_legend", "faults_table", "finding", "wrong"]

_SHOWN_KINDS = 3


def faults_table(result: FaultsResult) -> Table:
    """At most 100 columns wide."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column(Text("fault,\n  policy"), no_wrap=True)
    table.add_column(Text("writes\nacked"), justify="right", no_wrap=True)
    table.add_column(Text("\ncallers saw"), overflow="fold", min_width=26, max_width=28)
    table.add_column(Text("\nlost"), justify="right", no_wrap=True)
    table.add_column(Text("recov-\nered ms"), justify="right", no_wrap=True)
    table.add_column(Text("longest\nwait ms"), justify="right", no_wrap=True)
    table.add_column(Text("\nverdict"), overflow="fold", max_width=20)
    last = ""
    for row in result.rows():
        if row.fault != last:
            if last:
                table.add_section()
            table.add_row(Text(row.fault, style="bold"))
        ran = row.rounds > 0
        table.add_row(
            f"  {row.policy}",
            f"{row.acknowledged}" if ran else DASH,
            _kinds(row.seen) if ran else DASH,
            f"{row.lost}" if ran else DASH,
            milliseconds(row.recover_ms) if ran else DASH,
            milliseconds(row.longest_wait_ms) if ran else DASH,
            Text(*_verdict(row)),
        )
        last = row.fault
    table.caption = Text(
        "callers saw: error, SQLite's code, how often in all rounds\n"
        "lost: acknowledged, by the ledger outside the database, and not there afterwards\n"
        "recovered: from the fault's end to the first admitted write, median of rounds\n"
        "longest wait: of any write, admitted or given up",
        style="dim",
    )
    table.caption_justify = "left"
    return table


def fault_legend(result: FaultsResult) -> Table:
    """What each fault does, and what it told."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    notes: dict[str, str] = {}
    for row in result.rows():
        notes[row.fault] = notes.get(row.fault) or row.note
    for name, note in notes.items():
        table.add_row(name, fault_named(name).summary + (f" ({note})" if note else ""))
    return table


def _kinds(seen: Sequence[Seen]) -> str:
    shown = [f"{entry} x{entry.count}" for entry in seen[:_SHOWN_KINDS]]
    more = len(seen) - _SHOWN_KINDS
    return "\n".join([*shown, *([f"and {more} more kinds"] if more > 0 else [])]) or "nothing"


def _verdict(row: FaultRow) -> tuple[str, str]:
    """What became of it, and in which style to say it."""
    if not row.rounds:
        return f"skipped: {row.skipped}", "dim"
    if row.broken:
        return "not injected", "bold red"
    if row.control:
        return ("GREEN: blind", "bold red") if row.blind else ("red, as it must", "green")
    complaints = _complaints(row)
    if complaints:
        return ", ".join(complaints), "bold red" if row.wrong else "yellow"
    return (f"{row.failed} failed", "yellow") if row.failed else ("held", "green")


def _complaints(row: FaultRow) -> list[str]:
    counted = (
        (row.lost, f"lost {row.lost}, as it may" if row.may_lose else f"LOST {row.lost}"),
        (row.duplicated, f"{row.duplicated} twice"),
        (row.ghosts, f"{row.ghosts} ghosts"),
        (row.damaged, f"damaged x{row.damaged}"),
        (row.unrecovered, f"no recovery x{row.unrecovered}"),
    )
    return [words for count, words in counted if count]


def finding(result: FaultsResult) -> str:
    """What the fault runs show, in a few sentences."""
    rows = [row for row in result.rows() if row.rounds]
    ordinary = [row for row in rows if not row.control and not row.may_lose]
    acknowledged, lost = sum(row.acknowledged for row in ordinary), sum(row.lost for row in ordinary)
    faults = len({row.fault for row in ordinary})
    sentences = []
    if ordinary:
        count = "1 fault" if faults == 1 else f"{faults} faults"
        sentences.append(
            f"{count} that SQLite can survive: of {acknowledged:,} writes acknowledged around them {lost or 'none'} "
            f"{'was' if lost == 1 else 'were'} lost."
        )
        stalled = sorted((row for row in ordinary if row.recover_ms is not None), key=lambda row: row.recover_ms or 0)
        if stalled:
            worst = stalled[-1]
            sentences.append(
                f"The slowest recovery took {milliseconds(worst.recover_ms)} ms ({worst.fault}, {worst.policy})."
            )
        failing = sorted((row for row in ordinary if row.failed), key=lambda row: -row.failed)
        gave_up = [row for row in failing if any(seen.kind == "WriteTimeout" for seen in row.seen)]
        if gave_up:
            names = "; ".join(
                f"{row.policy} {sum(seen.count for seen in row.seen if seen.kind == 'WriteTimeout')} under {row.fault}"
                for row in gave_up[:4]
            )
            sentences.append(f"Writes given up: {names}.")
    excused = [row for row in rows if row.may_lose and not row.control and row.lost]
    for fault in dict.fromkeys(row.fault for row in excused):
        own = [row for row in excused if row.fault == fault]
        lost, rounds = sum(row.lost for row in own), sum(row.rounds for row in own)
        sentences.append(f"{fault} lost {lost} acknowledged writes in {rounds} rounds: {own[0].may_lose}.")
    controls = [row for row in rows if row.control]
    if controls:
        green = [f"{row.fault} ({row.policy})" for row in controls if row.blind]
        names = ", ".join(dict.fromkeys(row.fault for row in controls))
        sentences.append(
            f"Controls that stayed green: {', '.join(green)}." if green else f"All controls are red: {names}."
        )
    return " ".join(sentences) or "No fault could be injected here."


def wrong(result: FaultsResult) -> list[str]:
    """What must not be, a line each."""
    lines = []
    for row in result.rows():
        if not row.wrong:
            continue
        where = f"{row.fault} under {row.policy}"
        if row.broken:
            lines.append(f"{where}: could not be injected ({row.broken})")
        elif row.blind:
            lines.append(
                f"{where}: this control must come out red and did not; the harness is blind, trust no other row"
            )
        else:
            lines.append(f"{where}: {_verdict(row)[0]}")
    return lines
