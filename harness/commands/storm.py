"""`sessionreg storm`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.storm.workload import WORKLOAD_NAMES

from ..console import output
from ..experiments.write_storm import write_storm
from ..progress import storm_progress

__all__ = ["storm"]


@click.command(
    epilog="Example: sessionreg storm --policy budget --policy queue --workers 16 --writes 40 --think-ms 100",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice(POLICY_NAMES),
    help="Admission policy, repeatable.  [default: all]",
)
@click.option("--workers", default=32, show_default=True, metavar="N", help="Worker processes.")
@click.option("--writes", type=int, metavar="M", help="Writes per worker.  [default: 30]")
@click.option("--duration", type=float, metavar="S", help="Write for S seconds instead of M times.")
@click.option("--hold-ms", default=2.0, show_default=True, metavar="H", help="Sleep inside each transaction.")
@click.option(
    "--think-ms",
    default=150.0,
    show_default=True,
    metavar="T",
    help="Mean pause before each write, exponential.",
)
@click.option(
    "--workload",
    default="heartbeat",
    show_default=True,
    type=click.Choice(WORKLOAD_NAMES),
    help="What a worker writes.",
)
@click.option("--seed", default=1, show_default=True, metavar="K", help="Repeats think times and jitter.")
@click.option(
    "--database",
    type=click.Path(),
    metavar="PATH",
    help="File to storm.  [default: a fresh one, removed afterwards]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/latest"),
    show_default=True,
    metavar="DIR",
    help="Where results go.",
)
@click.option("--no-plots", is_flag=True, help="Draw no picture.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as JSON on standard output, and nothing else there.",
)
def storm(  # noqa: PLR0917  click passes every option by name
    policies: tuple[str, ...],
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
    """Let worker processes write to one database under each admission policy, and compare."""
    names = tuple(dict.fromkeys(policies)) or POLICY_NAMES
    try:
        plan = Plan(
            policy=policy_named(names[0]),
            workers=workers,
            writes=30 if writes is None and duration is None else writes,
            duration_s=duration,
            hold_ms=hold_ms,
            think_ms=think_ms,
            seed=seed,
            workload=workload,
            database=database,
        )
        _check_out(out)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    with storm_progress(Console(stderr=True, soft_wrap=True), duration) as show:
        result = write_storm(plan, names, command=shlex.join(["sessionreg", *sys.argv[1:]]), on_progress=show)
    from pytest_sessionreg.report.files import write_report

    paths = write_report(result, out, plots=not no_plots)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        from pytest_sessionreg.report.table import storm_table
        from pytest_sessionreg.report.verdict import verdict

        console = output()
        console.print(storm_table(result.runs))
        console.print(verdict(result.runs))
        console.print(f"[dim]{result.environment.line()}[/dim]")
        for path in paths:
            click.echo(path)
    if any(run.counts.lost or run.counts.duplicated or run.integrity != "ok" for run in result.runs):
        sys.exit(1)


def _check_out(out: Path) -> None:
    """Before the storm rather than after it: whether results can be written."""
    nearest = out
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise StormError(f"--out {out}: {nearest} is not a directory that can be written; choose another")
