"""`sessionreg faults`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.storm.policies import POLICY_NAMES

from ..experiments.faults.menu import FAULT_NAMES
from ..interruption import deferred_interrupt
from ..outcome import Outcome, check_directory, deliver, report_option
from ..parameters import json_option
from ..steps import step_display

__all__ = ["faults"]


@click.command(epilog="Example: sessionreg faults --fault stop-holder --fault kill-inside --policy queue --rounds 5")
@click.option(
    "--fault",
    "names",
    multiple=True,
    type=click.Choice(FAULT_NAMES),
    metavar="NAME",
    help=f"Repeatable: {', '.join(FAULT_NAMES)}.  [default: all]",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice(POLICY_NAMES),
    help="Admission policy, repeatable.  [default: all]",
)
@click.option(
    "--rounds", type=click.IntRange(1, 10_000), default=3, show_default=True, metavar="R", help="Of each combination."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**62), default=1, show_default=True, metavar="K", help="Repeats the chances."
)
@json_option
@report_option
def faults(
    names: tuple[str, ...],
    policies: tuple[str, ...],
    rounds: int,
    seed: int,
    *,
    as_json: bool,
    report: Path | None,
) -> None:
    """Let faults strike while processes write: what callers see, what is lost, how long recovery takes."""
    check_directory(report)
    from ..experiments.faults.experiment import faults as run

    with step_display(Console(stderr=True)) as show, deferred_interrupt() as check:
        result = run(
            names=tuple(dict.fromkeys(names)) or FAULT_NAMES,
            policies=tuple(dict.fromkeys(policies)) or POLICY_NAMES,
            rounds=rounds,
            seed=seed,
            command=shlex.join(["sessionreg", *sys.argv[1:]]),
            on_step=show,
            check=check,
        )
    from ..experiments.faults.table import fault_legend, faults_table, finding, wrong

    deliver(
        Outcome(
            result.envelope,
            result.to_json(),
            [faults_table(result), fault_legend(result)],
            finding(result),
            wrong(result),
        ),
        as_json=as_json,
        report=report,
    )
