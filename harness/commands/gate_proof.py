"""`sessionreg gate-proof`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.finite import FiniteRange
from ..cli.parameters import check_directory, json_option

if TYPE_CHECKING:
    from ..experiments.gate_proof.run import GateRun

__all__ = ["gate_proof"]


@click.command("gate-proof", epilog="Example: sessionreg gate-proof --minutes 20, and again until nothing is missing")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/gate-proof"),
    show_default=True,
    metavar="DIR",
    help="Where the runs are kept and the result goes; a proof that was interrupted there goes on.",
)
@click.option(
    "--minutes", type=FiniteRange(min=0), metavar="M", help="Begin no run after M minutes.  [default: go on to the end]"
)
@click.option(
    "--share",
    type=FiniteRange(0.001, 1),
    default=1.0,
    show_default=True,
    metavar="F",
    help="Do this share of the runs, one of each case at least.",
)
@json_option
def gate_proof(out: Path, minutes: float | None, share: float, *, as_json: bool) -> None:
    """Prove the gate: count how often its verdict is wrong.

    It is wrong where it fails unchanged code, or misses code that got worse. 300 runs in about an hour on two
    processors: 100 of unchanged code, 100 with two busy loops beside them, and 20 each of five changes for the worse.
    Each is kept as soon as it is done; start the command again and it goes on. Exits with 1 where more of them are
    wrong than the gate promises. With --minutes 0 it runs nothing and shows how the proof stands.
    """
    check_directory(out)
    from ..experiments.gate_proof.cases import notes_plan
    from ..experiments.gate_proof.experiment import RUNS, prove
    from ..experiments.gate_proof.outcome import outcome
    from ..experiments.gate_proof.result import KIND, SCHEMA, ProofResult
    from ..experiments.gate_proof.run import read_runs

    environment = Environment.of(notes_plan().location())
    partial = None
    try:
        prove(str(out), share=share, minutes=minutes, on_run=_print_run)
    except KeyboardInterrupt:
        partial = "interrupted"
    envelope = Envelope(KIND, SCHEMA, command_line(), environment, partial)
    deliver(outcome(ProofResult(envelope, share, read_runs(str(out / RUNS)))), as_json=as_json, out=out)


def _print_run(run: GateRun, done: int, total: int) -> None:
    """A line for each run: the whole takes an hour."""
    click.echo(f"{done}/{total} {run.case}: {run.verdict} after {run.seconds:.1f} s: {run.reason}", err=True)
