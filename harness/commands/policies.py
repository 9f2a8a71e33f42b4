"""`sessionreg policies`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.storm.comparison import CONTROL
from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.storm.workload import WORKLOAD_NAMES

from ..experiments.policies import MOST_ROUNDS, PoliciesInterrupted, compare_policies
from ..parameters import check_directory
from ..progress import rounds_progress

__all__ = ["policies"]


@click.command(
    epilog="Example: sessionreg policies --policy budget --policy queue --workers 16 --rounds 5",
)
@click.option(
    "--policy",
    "names",
    multiple=True,
    type=click.Choice(POLICY_NAMES),
    help=f"Admission policy, repeatable; {CONTROL} always runs as the control.  [default: all]",
)
@click.option(
    "--rounds",
    default=5,
    show_default=True,
    type=click.IntRange(1, MOST_ROUNDS),
    metavar="R",
    help="Storms per policy, interleaved; fewer than 5 give no interval.",
)
@click.option("--workers", default=32, show_default=True, metavar="N", help="Worker processes.")
@click.option("--writes", type=int, metavar="M", help="Writes per worker and round.  [default: 30]")
@click.option("--duration", type=float, metavar="S", help="Write for S seconds a round instead of M times.")
@click.option("--hold-ms", default=2.0, show_default=True, metavar="H", help="Sleep inside each transaction.")
@click.option(
    "--think-ms", default=150.0, show_default=True, metavar="T", help="Mean pause before each write, exponential."
)
@click.option(
    "--workload",
    default="heartbeat",
    show_default=True,
    type=click.Choice(WORKLOAD_NAMES),
    help="What a worker writes.",
)
@click.option("--seed", default=1, show_default=True, metavar="K", help="Repeats think times, jitter and the order.")
@click.option(
    "--database",
    type=click.Path(),
    metavar="PATH",
    help="File to storm.  [default: a fresh one per storm, removed afterwards]",
)
@click.option(
    "--report",
    "--out",
    "out",
    type=click.Path(path_type=Path),
    default=Path("reports/latest"),
    show_default=True,
    metavar="DIR",
    help="Where results go.",
)
@click.option("--no-plots", is_flag=True, help="Draw no picture.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON on standard output, and nothing else there."
)
def policies(  # noqa: PLR0917  click passes every option by name
    names: tuple[str, ...],
    rounds: int,
    workers: int,
    writes: int | None,
    duration: float | None,
    hold_ms: float,
    think_ms: float,
    workload: str,
    seed: int,
    database: str | None,
    out: Path,
    *,
    no_plots: bool,
    as_json: bool,
) -> None:
    """Compare policies under the same load, round by round, and say how sure the difference is."""
    chosen = [policy_named(name) for name in dict.fromkeys(names) or POLICY_NAMES]
    try:
        plan = Plan(
            policy=chosen[0],
            workers=workers,
            writes=30 if writes is None and duration is None else writes,
            duration_s=duration,
            hold_ms=hold_ms,
            think_ms=think_ms,
            seed=seed,
            workload=workload,
            database=database,
        )
        check_directory("--out", out)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    command = shlex.join(["sessionreg", *sys.argv[1:]])
    reason: str | None = None
    with rounds_progress(Console(stderr=True, soft_wrap=True), duration) as show:
        try:
            result = compare_policies(plan, chosen, rounds=rounds, command=command, on_progress=show)
        except PoliciesInterrupted as error:
            result, reason = error.result, str(error)
    from pytest_sessionreg.report.files import write_report

    from ..presentation import found_damage, present

    present(result, write_report(result, out, plots=not no_plots), as_json=as_json)
    if reason is not None:
        click.echo(f"sessionreg: {reason}; what was measured is kept, marked as partial, in {out}", err=True)
    if reason is not None or found_damage(result):
        sys.exit(1)
