"""`sessionreg repeat`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.repetition import plan_again
from pytest_sessionreg.storm.result import StormResult

from ..experiments.write_storm import repeat_storm
from ..progress import storm_progress
from ..storm_output import check_out, import_from_here, out_option, show

__all__ = ["repeat"]


@click.command()
@click.argument("result", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="RESULT.json")
@out_option("reports/repeated")
@click.option("--no-plots", is_flag=True, help="Draw no picture.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as JSON on standard output, and nothing else there.",
)
def repeat(result: Path, out: Path, *, no_plots: bool, as_json: bool) -> None:
    """Run the storms of a stored result again, with every parameter and seed they had.

    What differs afterwards is the machine, the versions, or chance. A run that was cut short is run to its end.
    """
    import_from_here()
    try:
        stored = StormResult.from_json(result.read_text(encoding="utf-8"))
        plans = [plan_again(run) for run in stored.runs]
        check_out(out)
    except (StormError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{result}: {error}") from None
    if not plans:
        raise click.UsageError(f"{result}: holds no run; there is nothing to repeat")
    with storm_progress(Console(stderr=True, soft_wrap=True), plans[0].duration_s) as progress:
        again = repeat_storm(stored, plans, on_progress=progress)
    show(again, out, plots=not no_plots, as_json=as_json)
