"""`sessionreg report`."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_sessionreg.storm.errors import ResultError, StormError

from ..parameters import check_directory
from ..stored_result import FILE_NAME, read_result, result_path

__all__ = ["report"]


@click.command(epilog="Example: sessionreg report reports/latest")
@click.argument("place", metavar="DIR_OR_JSON", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the page and the pictures go.  [default: beside storm.json; for NAME.json the directory NAME]",
)
@click.option("--no-plots", is_flag=True, help="Draw no picture.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
def report(place: Path, out: Path | None, *, no_plots: bool, as_json: bool) -> None:
    """Draw the pictures and the page of a stored result again, without running anything."""
    try:
        path = result_path(place)
        result = read_result(path)
        target = out or (path.parent if path.name == FILE_NAME else path.with_suffix(""))
        check_directory("--out", target)
    except (ResultError, StormError) as error:
        raise click.UsageError(str(error)) from None
    from pytest_sessionreg.report.files import write_report

    from ..presentation import present

    # the result itself stays as it is, byte by byte
    own = target.exists() and path.name == FILE_NAME and target.samefile(path.parent)
    present(result, write_report(result, target, plots=not no_plots, json=not own), as_json=as_json)
