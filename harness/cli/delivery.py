"""The end of an experiment's command: what is printed, what is stored, and the exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from pytest_sessionreg.report.renderers import Written

from ..experiments.interruption import partial_note
from ..experiments.outcome import Outcome
from .console import output

__all__ = ["deliver"]


def deliver(
    outcome: Outcome, *, as_json: bool, out: Path | None, plots: bool = True, note: str | None = None
) -> NoReturn:
    """Print and store `outcome`, and exit: 0 good, 1 where something is wrong or the run is partial.

    note: what parts of it that are stored already lack, by default what this one does.
    """
    written = Written((), None) if out is None else outcome.write(out, plots=plots, json=True)
    if as_json:
        click.echo(outcome.json, nl=False)
    else:
        outcome.show(output())
        for path in written.paths:
            click.echo(path)
    missing = note or written.note
    if missing is not None:
        click.echo(f"sessionreg: {missing}", err=True)
    for complaint in outcome.complaints:
        click.echo(complaint, err=True)
    partial = outcome.envelope.partial
    if partial is not None:
        click.echo(f"sessionreg: {partial_note(partial, out)}", err=True)
    sys.exit(1 if outcome.wrong or partial is not None else 0)
