"""`sessionreg report`."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_sessionreg.error_base import ResultError
from pytest_sessionreg.extras import MissingExtra
from pytest_sessionreg.report.renderers import Renderers

from ..cli.console import output
from ..cli.kinds import FILE_NAMES
from ..cli.parameters import check_directory, json_option, no_plots_option, out_option
from ..cli.stored_result import read_any, result_paths

__all__ = ["report"]


@click.command(epilog="Example: sessionreg report reports/latest")
@click.argument("place", metavar="DIR_OR_JSON", type=click.Path(path_type=Path))
@out_option(None, otherwise="beside the result; for another name than a command gives, the directory of that name")
@no_plots_option
@json_option
def report(place: Path, out: Path | None, *, no_plots: bool, as_json: bool) -> None:
    """Draw the pictures and the page of stored results again.

    The results may be of any experiment. Nothing is run.
    """
    note = Renderers.installed(pictures=not no_plots).note
    if note is not None:
        raise MissingExtra(note)  # they are all that is asked for
    try:
        paths = result_paths(place)
        outcomes = [read_any(path) for path in paths]
    except ResultError as error:
        raise click.UsageError(str(error)) from None
    named = [path.name in FILE_NAMES for path in paths]
    targets = [out or (path.parent if ours else path.with_suffix("")) for path, ours in zip(paths, named, strict=True)]
    for target in targets:
        check_directory(target)
    for path, ours, outcome, target in zip(paths, named, outcomes, targets, strict=True):
        # the result itself stays as it is, byte by byte
        own = ours and target.exists() and target.samefile(path.parent)
        written = outcome.write(target, plots=not no_plots, json=not own)
        if as_json:
            click.echo(outcome.json, nl=False)
            continue
        outcome.show(output())
        for file in written.paths:
            click.echo(file)
