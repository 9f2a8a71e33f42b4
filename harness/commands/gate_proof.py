"""`sessionreg gate-proof`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.plan import check_parameter

from ..console import output
from ..experiments.gate_proof import GateRun, Standing, prove, read_runs, standings
from ..parameters import check_directory

__all__ = ["gate_proof"]

_HOLDS = {True: "yes", False: "NO", None: "open"}


@click.command("gate-proof")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/gate-proof"),
    show_default=True,
    metavar="DIR",
    help="Where the runs are kept; a proof that was interrupted there goes on.",
)
@click.option("--share", default=1.0, show_default=True, metavar="F", help="Do this share of the runs, one at least.")
@click.option("--show", is_flag=True, help="Run nothing; show how the runs in DIR stand.")
def gate_proof(out: Path, share: float, *, show: bool) -> None:
    """Prove the gate: how often it fails unchanged code, and how often it misses code that got worse.

    300 runs in about an hour on two processors: 100 of unchanged code, 100 with two busy loops beside them, and 20 each
    of five changes for the worse. Exits with 1 if more of them are wrong than the gate promises.
    """
    try:
        check_parameter("share", share, 0.001, 1)
        check_directory(out)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    if not show:
        prove(str(out), share=share, on_run=_tell)
    found = standings(read_runs(os.path.join(out, "runs.jsonl")), share=share)
    console = output()
    console.print(_table(found))
    if any(standing.holds is False for standing in found):
        sys.exit(1)


def _tell(run: GateRun) -> None:
    """A line for each run: the whole takes an hour."""
    click.echo(f"{run.case} {run.number + 1}: {run.verdict} after {run.seconds:.1f} s: {run.reason}", err=True)


def _table(found: list[Standing]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("case", no_wrap=True, vertical="bottom")
    headings = (
        "runs",
        "RE-\nGRESSED",
        "INCON-\nCLUSIVE",
        "PASS",
        "IM-\nPROVED",
        "wrong\n(may be)",
        "longest\ns",
        "holds",
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    for standing in found:
        verdicts = (standing.verdicts.get(name, 0) for name in ("REGRESSED", "INCONCLUSIVE", "PASS", "IMPROVED"))
        table.add_row(
            Text(standing.case.name),
            f"{standing.runs}/{standing.case.runs}",
            *map(str, verdicts),
            f"{standing.wrong} ({standing.case.tolerated})",
            f"{standing.longest_s:.1f}",
            _HOLDS[standing.holds],
            style="red" if standing.holds is False else "",
        )
    return table
