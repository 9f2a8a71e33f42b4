"""What the commands that run storms share: where results go, and how they are shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.result import StormResult

from .console import output

__all__ = ["check_out", "import_from_here", "out_option", "show"]

FC = TypeVar("FC", bound=Callable[..., Any])


def out_option(default: str) -> Callable[[FC], FC]:
    """The option --out."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        metavar="DIR",
        help="Where results go.",
    )


def import_from_here() -> None:
    """Let a workload's module be found in the current directory, as `python -m` does."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)


def check_out(out: Path) -> None:
    """Before the storm rather than after it: whether results can be written. Raises StormError where they cannot."""
    nearest = out
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise StormError(f"--out {out}: {nearest} is not a directory that can be written; choose another")


def show(result: StormResult, out: Path, *, plots: bool, as_json: bool) -> None:
    """Write the result into `out`, print it, and exit with 1 if the storm found something wrong or was cut short."""
    from pytest_sessionreg.report.files import write_report

    paths = write_report(result, out, plots=plots)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        _print(result)
        for path in paths:
            click.echo(path)
    for failure in [failure for run in result.runs for failure in run.failures[:1]][:1]:
        click.echo(f"{failure.traceback.rstrip()}\n{failure.line()}: {failure.count} times", err=True)
    if result.partial is not None:
        reason = "interrupted; no worker is left" if result.partial == "interrupted" else result.partial
        click.echo(f"sessionreg: {reason}; what was measured is kept, marked as partial, in {out}", err=True)
    if result.partial is not None or any(run.damaged or run.failures for run in result.runs):
        sys.exit(1)


def _print(result: StormResult) -> None:
    from pytest_sessionreg.report.remarks import remarks
    from pytest_sessionreg.report.table import storm_table
    from pytest_sessionreg.report.verdict import verdict

    console = output()
    console.print(storm_table(result.runs))
    console.print(verdict(result.runs), markup=False)
    for remark in remarks(result.runs):
        console.print(remark, markup=False)
    console.print(f"[dim]{result.environment.line()}[/dim]")
