"""`sessionreg policies`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.results.comparison import CONTROL

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.load_options import LoadOptions, load_options
from ..cli.parameters import check_directory, json_option, no_plots_option, out_option, policy_option
from ..cli.storm_progress import rounds_progress
from ..experiments.policies import MOST_ROUNDS, compare_policies, with_control
from ..experiments.storm.outcome import StormOutcome
from ..hosts.option import HostsCommand

__all__ = ["policies"]


@click.command(
    cls=HostsCommand, epilog="Example: sessionreg policies --policy budget --policy queue --workers 16 --rounds 5"
)
@policy_option(f"{CONTROL} always runs as the control")
@click.option(
    "--rounds",
    default=5,
    show_default=True,
    type=click.IntRange(1, MOST_ROUNDS),
    metavar="R",
    help="Storms per policy, interleaved; fewer than 5 give no interval.",
)
@load_options
@out_option("reports/latest")
@no_plots_option
@json_option
def policies(
    policies: tuple[str, ...], rounds: int, load: LoadOptions, out: Path, *, no_plots: bool, as_json: bool
) -> None:
    """Compare policies under the same load, round by round. Say how sure the difference is."""
    try:
        plan, chosen = load.plan_storms(policies)
        chosen = with_control(chosen)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    check_directory(out)
    with rounds_progress(Console(stderr=True, soft_wrap=True), plan.duration_s) as show:
        result = compare_policies(plan, chosen, rounds=rounds, command=command_line(), on_progress=show)
    deliver(StormOutcome(result), as_json=as_json, out=out, plots=not no_plots)
