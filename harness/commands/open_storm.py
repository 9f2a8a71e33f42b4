"""`sessionreg open-storm`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.finite import FiniteRange
from ..cli.parameters import check_directory, json_option, out_option
from ..cli.step_display import step_display
from ..experiments.interruption import deferred_interrupt
from ..experiments.open_storm.experiment import open_storm as run
from ..experiments.open_storm.orders import ORDER_NAMES
from ..experiments.open_storm.stage import STATES
from ..hosts.option import HostsCommand

__all__ = ["open_storm"]


@click.command(
    "open-storm",
    cls=HostsCommand,
    epilog="Example: sessionreg open-storm --state crashed --order wal-first --order registry",
)
@click.option(
    "--order",
    "orders",
    multiple=True,
    type=click.Choice(ORDER_NAMES),
    metavar="NAME",
    help=f"Order of the open steps, repeatable: {', '.join(ORDER_NAMES)}.  [default: all]",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(tuple(STATES)),
    help="How the file is found, repeatable.  [default: all]",
)
@click.option(
    "--openers",
    type=click.IntRange(2, 1024),
    default=16,
    show_default=True,
    metavar="N",
    help="Processes at the barrier.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 10_000), default=20, show_default=True, metavar="R", help="Of each combination."
)
@click.option(
    "--hold-ms",
    type=FiniteRange(0, 60_000),
    default=300.0,
    show_default=True,
    metavar="H",
    help="How long the writer of state held keeps its lock.",
)
@json_option
@out_option(None, otherwise="nowhere")
def open_storm(
    orders: tuple[str, ...],
    states: tuple[str, ...],
    openers: int,
    rounds: int,
    hold_ms: float,
    *,
    as_json: bool,
    out: Path | None,
) -> None:
    """Open one database from many processes at once.

    Shows which order of the steps fails, where, and with which code.
    """
    check_directory(out)
    from ..experiments.open_storm.outcome import outcome

    with step_display(Console(stderr=True)) as show, deferred_interrupt() as check:
        result = run(
            openers=openers,
            rounds=rounds,
            orders=tuple(dict.fromkeys(orders)) or ORDER_NAMES,
            states=tuple(dict.fromkeys(states)) or tuple(STATES),
            hold_ms=hold_ms,
            command=command_line(),
            on_step=show,
            check=check,
        )
    deliver(outcome(result), as_json=as_json, out=out)
