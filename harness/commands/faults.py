"""`sessionreg faults`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.results.policies import POLICY_NAMES

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.parameters import check_directory, json_option, out_option, policy_option
from ..cli.step_display import step_display
from ..experiments.interruption import deferred_interrupt
from ..faults.menu import FAULT_NAMES
from ..hosts.option import HostsCommand

__all__ = ["faults"]


@click.command(
    cls=HostsCommand,
    epilog="Example: sessionreg faults --fault stop-holder --fault kill-inside --policy queue --rounds 5",
)
@click.option(
    "--fault",
    "names",
    multiple=True,
    type=click.Choice(FAULT_NAMES),
    metavar="NAME",
    help=f"Repeatable: {', '.join(FAULT_NAMES)}.  [default: all]",
)
@policy_option()
@click.option(
    "--rounds", type=click.IntRange(1, 10_000), default=3, show_default=True, metavar="R", help="Of each combination."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**62), default=1, show_default=True, metavar="K", help="Repeats the chances."
)
@json_option
@out_option(None, otherwise="nowhere")
def faults(
    names: tuple[str, ...],
    policies: tuple[str, ...],
    rounds: int,
    seed: int,
    *,
    as_json: bool,
    out: Path | None,
) -> None:
    """Inject faults while processes write.

    Shows what callers see, what is lost, and how long recovery takes.
    """
    check_directory(out)
    from ..faults.experiment import faults as run
    from ..faults.outcome import outcome

    with step_display(Console(stderr=True)) as show, deferred_interrupt() as check:
        result = run(
            names=tuple(dict.fromkeys(names)) or FAULT_NAMES,
            policies=tuple(dict.fromkeys(policies)) or POLICY_NAMES,
            rounds=rounds,
            seed=seed,
            command=command_line(),
            on_step=show,
            check=check,
        )
    deliver(outcome(result), as_json=as_json, out=out)
