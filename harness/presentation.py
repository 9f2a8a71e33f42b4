"""How a command shows a storm's result: as a table, a verdict and the names of its files, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pytest_sessionreg.storm.failures import merged
from pytest_sessionreg.storm.result import StormResult

from .console import output
from .interruption import kept

__all__ = ["conclude", "present"]


def present(result: StormResult, paths: Sequence[Path], *, as_json: bool) -> None:
    """Print `result`, and the files that were written of it; as JSON nothing else."""
    if as_json:
        click.echo(result.to_json(), nl=False)
        return
    from pytest_sessionreg.report.ratio_table import ratio_table
    from pytest_sessionreg.report.remarks import remarks
    from pytest_sessionreg.report.table import storm_table
    from pytest_sessionreg.report.verdict import verdict

    console = output()
    console.print(storm_table(result.runs))
    ratios = ratio_table(result.runs) if any(run.rounds > 1 for run in result.runs) else None
    if ratios is not None:
        console.print()
        console.print(ratios)
    console.print(verdict(result.runs), markup=False)
    for remark in remarks(result.runs):
        console.print(remark, markup=False)
    console.print(result.environment.line(), markup=False, style="dim")
    for path in paths:
        click.echo(path)


def conclude(result: StormResult, out: Path, *, plots: bool, as_json: bool) -> None:
    """Write `result` into `out`, present it, and exit with 1 if storms found something wrong or were cut short."""
    from pytest_sessionreg.report.files import write_report

    present(result, write_report(result, out, plots=plots), as_json=as_json)
    failures = merged(failure for run in result.runs for failure in run.failures)
    for failure in failures[:1]:
        click.echo(f"{failure.traceback.rstrip()}\n{failure.line()}: {failure.count} times", err=True)
    if result.partial is not None:
        click.echo(f"sessionreg: {kept(result.partial, out)}", err=True)
    if result.partial is not None or failures or any(run.damaged for run in result.runs):
        sys.exit(1)
