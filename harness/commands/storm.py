"""`sessionreg storm`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.error_base import StormError

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.load_options import LoadOptions, load_options
from ..cli.parameters import check_directory, json_option, no_plots_option, out_option, policy_option
from ..cli.storm_progress import storm_progress
from ..experiments.storm.experiment import write_storm
from ..experiments.storm.outcome import StormOutcome
from ..hosts.option import HostsCommand

__all__ = ["storm"]


@click.command(
    cls=HostsCommand,
    epilog="Example: sessionreg storm --policy budget --policy queue --workers 16 --writes 40 --think-ms 100",
)
@policy_option()
@load_options
@out_option("reports/latest")
@no_plots_option
@json_option
def storm(policies: tuple[str, ...], load: LoadOptions, out: Path, *, no_plots: bool, as_json: bool) -> None:
    """Let many processes write to one database under each policy.

    A function whose first parameter is called `connection` writes inside a transaction that the storm begins and
    commits. One that takes a `store` or a `path` does everything itself: no policy applies, and nothing is slept
    inside its transactions. A `store` is what connect(path) of its module returns. Beside the function in its module
    may stand prepare(path), called before the workers start, and acknowledged(path), which returns the (worker,
    sequence) of every write in the database.
    """
    try:
        plan, chosen = load.plan_storms(policies)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    check_directory(out)
    with storm_progress(Console(stderr=True, soft_wrap=True), plan.duration_s) as show:
        result = write_storm(plan, chosen, command=command_line(), on_progress=show)
    deliver(StormOutcome(result), as_json=as_json, out=out, plots=not no_plots)
