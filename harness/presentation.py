"""How a command shows a storm's result: as a table, a verdict and the names of its files, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from pytest_sessionreg.report.ratio_table import ratio_table
from pytest_sessionreg.report.table import storm_table
from pytest_sessionreg.report.verdict import verdict
from pytest_sessionreg.storm.result import StormResult
from pytest_sessionreg.storm.standing import standings

from .console import output

__all__ = ["found_damage", "present"]


def present(result: StormResult, paths: Sequence[Path], *, as_json: bool) -> None:
    """Print `result`, and the files that were written of it; as JSON nothing else."""
    if as_json:
        click.echo(result.to_json(), nl=False)
        return
    console = output()
    console.print(storm_table(result.runs))
    ratios = ratio_table(result.runs) if any(run.rounds > 1 for run in result.runs) else None
    if ratios is not None:
        console.print()
        console.print(ratios)
    console.print(verdict(result.runs), markup=False)
    console.print(result.environment.line(), markup=False, style="dim")
    for path in paths:
        click.echo(path)


def found_damage(result: StormResult) -> bool:
    """Whether a write was lost or doubled, or a database damaged."""
    return any(policy.broken for policy in standings(result.runs))
