"""`sessionreg storm`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import POLICY_NAMES
from pytest_sessionreg.storm.workload import WORKLOAD_NAMES, Workload, workload_named
from pytest_sessionreg.storm.workloads.statements import read_statements

from ..experiments.write_storm import write_storm
from ..progress import storm_progress
from ..storm_output import check_out, import_from_here, out_option, show

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
@click.option("--hold-ms", type=float, metavar="H", help="Sleep inside each transaction.  [default: 2]")
@click.option("--think-ms", type=float, metavar="T", help="Mean pause before each write, exponential.  [default: 150]")
@click.option(
    "--rate",
    type=float,
    metavar="R",
    help="Instead of pauses: R writes per second over all workers on a fixed schedule, each measured from its "
    "scheduled instant.",
)
@click.option(
    "--workload",
    metavar="NAME",
    help=f"What a worker writes: {', '.join(WORKLOAD_NAMES)}, or a function of your own as package.module:function, "
    "called with (connection or path, worker, sequence).  [default: heartbeat]",
)
@click.option(
    "--sql",
    type=click.Path(),
    metavar="FILE",
    help="Write with these SQL statements in each transaction; :worker and :sequence are given.",
)
@click.option("--schema", type=click.Path(), metavar="FILE", help="With --sql: SQL to run once before each storm.")
@click.option("--seed", default=1, show_default=True, metavar="K", help="Repeats think times, jitter and draws.")
@click.option(
    "--database",
    type=click.Path(),
    metavar="PATH",
    help="File to storm.  [default: a fresh one, removed afterwards]",
)
@click.option(
    "--timeout",
    type=float,
    metavar="S",
    help="Kill and name the workers that are not done after S seconds.  [default: generous]",
)
@out_option("reports/latest")
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
    hold_ms: float | None,
    think_ms: float | None,
    rate: float | None,
    workload: str | None,
    sql: str | None,
    schema: str | None,
    seed: int,
    database: str | None,
    timeout: float | None,
    out: Path,
    *,
    no_plots: bool,
    as_json: bool,
) -> None:
    """Let worker processes write to one database under each admission policy, and compare.

    A function whose first parameter is called `connection` writes inside a transaction that the storm begins and
    commits; one that takes a `path` does everything itself, and no policy applies. Beside it in its module may stand
    prepare(path), called before the workers start, and acknowledged(path), which returns the (worker, sequence) of
    every write in the database.
    """
    import_from_here()
    try:
        chosen = _workload(workload, sql, schema)
        names = tuple(dict.fromkeys(policies)) or (POLICY_NAMES if chosen.admitted else ())
        plan = Plan.of(
            chosen,
            policy=names[0] if names else None,
            workers=workers,
            writes=writes,
            duration_s=duration,
            hold_ms=hold_ms,
            think_ms=think_ms,
            rate_per_s=rate,
            seed=seed,
            database=database,
            timeout_s=timeout,
        )
        check_out(out)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    with storm_progress(Console(stderr=True, soft_wrap=True), duration) as progress:
        result = write_storm(
            plan, names or [plan.policy], command=shlex.join(["sessionreg", *sys.argv[1:]]), on_progress=progress
        )
    show(result, out, plots=not no_plots, as_json=as_json)


def _workload(name: str | None, sql: str | None, schema: str | None) -> Workload:
    if sql is None:
        if schema is not None:
            raise StormError("--schema goes with --sql; a function of your own has prepare(path)")
        return workload_named(name or "heartbeat")
    if name is not None:
        raise StormError("--workload and --sql exclude each other; give one of them")
    return read_statements(sql, schema)
