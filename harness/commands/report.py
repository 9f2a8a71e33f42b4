"""`sessionreg report`."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_sessionreg.storm.errors import ResultError

from ..parameters import check_directory, json_option, no_plots_option, out_option
from ..presentation import present
from ..stored_result import FILE_NAME, read_result, result_path

__all__ = ["report"]


@click.command(epilog="Example: sessionreg report reports/latest")
@click.argument("place", metavar="DIR_OR_JSON", type=click.Path(path_type=Path))
@out_option(None, otherwise="beside storm.json; for NAME.json the directory NAME")
@no_plots_option
@json_option
def report(place: Path, out: Path | None, *, no_plots: bool, as_json: bool) -> None:
    """Draw the pictures and the page of a stored result again, without running anything."""
    try:
        path = result_path(place)
        result = read_result(path)
        target = out or (path.parent if path.name == FILE_NAME else path.with_suffix(""))
    except ResultError as error:
        raise click.UsageError(str(error)) from None
    check_directory(target)
    from pytest_sessionreg.report.files import write_report

    # the result itself stays as it is, byte by byte
    own = target.exists() and path.name == FILE_NAME and target.samefile(path.parent)
    present(result, write_report(result, target, plots=not no_plots, json=not own), as_json=as_json)
