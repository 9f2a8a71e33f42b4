"""`sessionreg repeat`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.storm.repetition import plan_again

from ..cli.delivery import deliver
from ..cli.load_options import import_from_here
from ..cli.parameters import check_directory, json_option, no_plots_option, out_option
from ..cli.stored_result import read_result
from ..cli.storm_progress import rounds_progress
from ..experiments.storm.experiment import repeat_storm
from ..experiments.storm.outcome import StormOutcome

__all__ = ["repeat"]


@click.command(epilog="Example: sessionreg repeat reports/latest/storm.json")
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT.json")
@out_option("reports/repeated")
@no_plots_option
@json_option
def repeat(result: Path, out: Path, *, no_plots: bool, as_json: bool) -> None:
    """Run the storms of a stored result again.

    They have every parameter and seed that they had.

    What differs afterwards is the machine, the versions, or chance. A run that was cut short is run to its end.
    """
    import_from_here()
    try:
        stored = read_result(result)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    try:
        plans = [plan_again(run) for run in stored.runs]
    except StormError as error:
        raise click.UsageError(f"{result}: {error}") from None
    check_directory(out)
    with rounds_progress(Console(stderr=True, soft_wrap=True), plans[0].duration_s) as show:
        again = repeat_storm(stored, plans, on_progress=show)
    deliver(StormOutcome(again), as_json=as_json, out=out, plots=not no_plots)
