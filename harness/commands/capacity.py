"""`sessionreg capacity`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pytest_sessionreg.error_base import ResultError
from pytest_sessionreg.results.policies import POLICY_NAMES
from pytest_sessionreg.storm.defaults import HOLD_MS, THINK_MS, WORKERS

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.finite import FiniteRange
from ..cli.parameters import check_directory, json_option, out_option, policy_option
from ..cli.step_display import step_display
from ..experiments.interruption import deferred_interrupt
from ..hosts.option import HostsCommand

__all__ = ["capacity"]


@click.command(
    cls=HostsCommand, epilog="Example: sessionreg capacity --policy budget --policy queue --workers 24 --hold-ms 4"
)
@policy_option()
@click.option(
    "--workers",
    type=click.IntRange(1, 4096),
    default=WORKERS,
    show_default=True,
    metavar="N",
    help="Your load's writers.",
)
@click.option(
    "--hold-ms",
    type=FiniteRange(0.1, 10_000),
    default=HOLD_MS,
    show_default=True,
    metavar="H",
    help="Your load's hold; searched first.",
)
@click.option(
    "--think-ms",
    type=FiniteRange(0, 60_000),
    default=THINK_MS,
    show_default=True,
    metavar="T",
    help="Mean pause before each write, exponential.",
)
@click.option(
    "--search-hold-ms",
    "holds_ms",
    multiple=True,
    type=FiniteRange(0.1, 10_000),
    metavar="H",
    help="A hold to search at, repeatable.  [default: 2, 6, 18]",
)
@click.option(
    "--p99-ms",
    type=FiniteRange(min=0.001),
    default=250.0,
    show_default=True,
    metavar="P",
    help="At most 1 % of writes may take longer.",
)
@click.option(
    "--rounds-percent",
    type=FiniteRange(1, 100),
    default=99.0,
    show_default=True,
    metavar="Q",
    help="Share of rounds that must give up no write.",
)
@click.option(
    "--ceiling", type=click.IntRange(1, 4096), default=256, show_default=True, metavar="N", help="Try no more writers."
)
@click.option(
    "--seconds",
    type=FiniteRange(min=0.1),
    default=270.0,
    show_default=True,
    metavar="S",
    help="For everything; more of them make it surer.",
)
@click.option(
    "--round-s",
    type=FiniteRange(0.05, 600),
    default=1.5,
    show_default=True,
    metavar="S",
    help="How long each storm lasts.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="RESULT",
    help="Take over the rounds of an earlier, also a partial, capacity.json.",
)
@json_option
@out_option(None, otherwise="nowhere")
def capacity(  # noqa: PLR0917  click passes every option by name
    policies: tuple[str, ...],
    workers: int,
    hold_ms: float,
    think_ms: float,
    holds_ms: tuple[float, ...],
    p99_ms: float,
    rounds_percent: float,
    ceiling: int,
    seconds: float,
    round_s: float,
    resume: Path | None,
    *,
    as_json: bool,
    out: Path | None,
) -> None:
    """Find how many writers each policy stands. Say where your own load lies."""
    check_directory(out)
    from ..experiments.capacity.experiment import HOLDS_MS
    from ..experiments.capacity.experiment import capacity as run
    from ..experiments.capacity.load import Target
    from ..experiments.capacity.outcome import outcome
    from ..experiments.capacity.result import CapacityResult

    try:
        earlier = None if resume is None else CapacityResult.from_json(resume.read_text(encoding="utf-8"))
    except (ResultError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--resume {resume}: {error}") from None
    try:
        with step_display(Console(stderr=True)) as show, deferred_interrupt() as check:
            result = run(
                policies=tuple(dict.fromkeys(policies)) or POLICY_NAMES,
                target=Target(p99_ms=p99_ms, rounds_share=rounds_percent / 100),
                holds_ms=holds_ms or HOLDS_MS,
                think_ms=think_ms,
                workers=workers,
                hold_ms=hold_ms,
                ceiling=ceiling,
                seconds=seconds,
                round_s=round_s,
                earlier=earlier,
                command=command_line(),
                on_step=show,
                check=check,
            )
    except ResultError as error:
        raise click.UsageError(f"--resume {resume}: {error}") from None
    deliver(outcome(result), as_json=as_json, out=out)
