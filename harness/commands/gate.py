"""`sessionreg gate`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.gate.baseline import Baseline
from pytest_sessionreg.gate.judgement import Judgement, Verdict
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.numbers import check_number
from pytest_sessionreg.results.policies import POLICY_NAMES
from pytest_sessionreg.storm.catalogue import WORKLOAD_NAMES, workload_named
from pytest_sessionreg.storm.defaults import GATE_HOLD_MS, GATE_THINK_MS, GATE_WORKERS, SEED, WORKLOAD
from pytest_sessionreg.storm.plan import Plan

from ..cli.console import command_line, output
from ..cli.load_options import import_from_here
from ..cli.parameters import check_directory, json_option, out_option
from ..experiments.gate import OnRound, gate_storms, measure_storms

__all__ = ["gate"]

_EXIT = {Verdict.REGRESSED: 1, Verdict.INCONCLUSIVE: 3, Verdict.NO_BASELINE: 3}
_STYLES = {Verdict.REGRESSED: "bold red", Verdict.INCONCLUSIVE: "yellow", Verdict.NO_BASELINE: "yellow"}


@click.command(
    epilog="Exit code: 0 passed or improved, 1 regressed, 2 usage, 3 inconclusive or no baseline. "
    "Example: sessionreg gate --baseline storm-baseline.json --workload mypackage.store:write",
)
@click.option(
    "--baseline",
    "path",
    type=click.Path(),
    default="storm-baseline.json",
    show_default=True,
    metavar="FILE",
    help="What to compare with.",
)
@click.option("--update-baseline", is_flag=True, help="Measure, and write the baseline instead of judging.")
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    metavar="NAME",
    help=f"What a worker writes, repeatable: {', '.join(WORKLOAD_NAMES)}, or a function as package.module:function.  "
    f"[default: {WORKLOAD}]",
)
@click.option(
    "--policy", type=click.Choice(POLICY_NAMES), help="Admission policy.  [default: queue, or the function's own]"
)
@click.option("--workers", default=GATE_WORKERS, show_default=True, metavar="N", help="Worker processes.")
@click.option(
    "--hold-ms",
    type=float,
    metavar="H",
    help=f"Sleep inside each transaction of the storm's.  [default: {GATE_HOLD_MS:g}, or 0 with a store or path]",
)
@click.option(
    "--think-ms", type=float, metavar="T", help=f"Mean pause before each write.  [default: {GATE_THINK_MS:g}]"
)
@click.option("--rate", type=float, metavar="R", help="Instead of pauses: R writes per second over all workers.")
@click.option("--seed", default=SEED, show_default=True, metavar="K", help="Repeats think times, jitter and draws.")
@click.option("--scale", default=1.0, show_default=True, metavar="F", help="Rounds F times as long.")
@out_option(None, otherwise="nowhere")
@json_option
def gate(  # noqa: PLR0917  click passes every option by name
    path: str,
    workloads: tuple[str, ...],
    policy: str | None,
    workers: int,
    hold_ms: float | None,
    think_ms: float | None,
    rate: float | None,
    seed: int,
    scale: float,
    out: Path | None,
    *,
    update_baseline: bool,
    as_json: bool,
) -> None:
    """Say whether storms got worse than their baseline.

    It judges by ratios to a control that runs beside them. A storm is run a second time before it is said to have
    regressed. Where $GITHUB_STEP_SUMMARY is set, the verdicts are appended there as Markdown.
    """
    import_from_here()
    try:
        check_number("scale", scale, 0.01, 100)
        plans = {
            name: _plan(name, policy, hold_ms, think_ms, rate, workers=workers, seed=seed)
            for name in workloads or (WORKLOAD,)
        }
        baseline = Baseline.read(path)
        if update_baseline:
            check_directory(Path(path).parent, "the directory of --baseline,")
        check_directory(out)
    except StormError as error:
        raise click.UsageError(str(error)) from None
    with _status() as show:
        if update_baseline:
            baseline.with_measurements(measure_storms(plans, scale=scale, on_round=show)).write(path)
            judgements: tuple[Judgement, ...] = ()
        else:
            judgements = gate_storms(plans, baseline, scale=scale, on_round=show)
    if update_baseline:
        click.echo(f"{path}: {', '.join(plans)} measured on this machine; review the file and commit it", err=as_json)
        return
    if not baseline.storms:
        state = "holds no storm yet" if os.path.exists(path) else "does not exist"
        click.echo(f"sessionreg: {path}: {state}; make the baseline with --update-baseline", err=True)
    environment = Environment.of(next(iter(plans.values())).location())
    _show(judgements, environment, out, as_json=as_json)


def _plan(
    name: str,
    policy: str | None,
    hold_ms: float | None,
    think_ms: float | None,
    rate_per_s: float | None,
    **others: int,
) -> Plan:
    workload = workload_named(name)
    return Plan.of(
        workload,
        policy=policy,
        hold_ms=GATE_HOLD_MS if hold_ms is None and workload.admitted else hold_ms,
        think_ms=GATE_THINK_MS if think_ms is None and rate_per_s is None else think_ms,
        rate_per_s=rate_per_s,
        **others,
    )


@contextmanager
def _status() -> Iterator[OnRound]:
    """One line on standard error, in a terminal only."""
    console = Console(stderr=True, soft_wrap=True)
    with console.status("starting") as status:
        yield lambda name, done: status.update(f"{name}: {done} rounds, each with its control")


def _show(judgements: Sequence[Judgement], environment: Environment, out: Path | None, *, as_json: bool) -> NoReturn:
    from pytest_sessionreg.report.judgements import append_summary, lines, to_json, worst_verdict, write_verdicts

    if as_json:
        click.echo(to_json(judgements, command_line(), environment), nl=False)
    else:
        console = output()
        for judgement in judgements:
            for line in lines(judgement):
                console.print(line, style=_STYLES.get(judgement.verdict, "green"), markup=False)
    if out is not None:
        write_verdicts(judgements, str(out), command_line(), environment)
    append_summary(judgements)
    sys.exit(_EXIT.get(worst_verdict(judgements), 0))
