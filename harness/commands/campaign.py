"""`sessionreg campaign NAME`."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..cli.console import command_line
from ..cli.parameters import check_directory, out_option
from ..experiments.interruption import deferred_interrupt, partial_note

if TYPE_CHECKING:
    from ..faults.campaigns.campaign import Finding

__all__ = ["campaign"]

_VERDICT = {True: "good", False: "BAD", None: "note"}


@click.group()
def campaign() -> None:
    """Inject one kind of fault until it means something: long, and about the write queue.

    Each campaign prints what it asked and what it found, and exits with 1 if something that was asked did not hold.
    """


def _module(name: str) -> Any:
    return import_module(f"..faults.campaigns.{name.replace('-', '_')}", __package__)


def _run(name: str, *, seed: int, out: Path | None, **parameters: Any) -> NoReturn:
    check_directory(out)
    from ..faults.campaigns.campaign import run_campaign

    with deferred_interrupt() as check:
        result = run_campaign(
            name,
            _module(name).run,
            parameters,
            seed=seed,
            command=command_line(),
            check=check,
            on_finding=_print,
        )
    click.echo(f"{result.machine}, {result.seconds:g} s")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"{name}.json"
        path.write_text(result.to_json(), encoding="utf-8")
        click.echo(path)
    if result.partial is not None:
        click.echo(f"sessionreg: {partial_note(result.partial, out)}", err=True)
    sys.exit(0 if result.good else 1)


def _print(finding: Finding) -> None:
    click.echo(f"{_VERDICT[finding.good]:<5}{finding.fault} ({finding.times} times)")
    click.echo(f"     asked: {finding.asked or 'nothing'}\n     found: {finding.found}")


def _count(name: str, default: int, meaning: str, *, least: int = 1) -> click.Option:
    kind = click.IntRange(least, 100_000)
    return click.Option([f"--{name}"], type=kind, default=default, show_default=True, metavar="N", help=meaning)


def _seconds(name: str, default: float, meaning: str) -> click.Option:
    kind = click.FloatRange(0.01, 3600)
    return click.Option([f"--{name}"], type=kind, default=default, show_default=True, metavar="S", help=meaning)


def _case(campaign_name: str, meaning: str, *, option: str = "only") -> click.Option:
    """One of the module's CASES, which are loaded only when one is given."""

    def check(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
        cases = () if value is None else _module(campaign_name).CASES
        if value is not None and value not in cases:
            raise click.BadParameter(f"{value!r} is none; give one of {', '.join(map(repr, cases))}")
        return value

    return click.Option([f"--{option}"], callback=check, metavar="CASE", help=f"{meaning}  [default: all]")


def _add(name: str, summary: str, *options: click.Option) -> None:
    command = click.Command(
        name,
        callback=partial(_run, name),
        params=[
            *options,
            click.Option(
                ["--seed"], type=click.IntRange(0, 2**62), default=1, show_default=True, help="Repeats the chances."
            ),
        ],
        help=summary,
    )
    campaign.add_command(out_option(None, otherwise="nowhere")(command))


_add("kills", "SIGKILL anywhere in a storm of 16.", _count("kills", 1000, "How many."))
_add(
    "stops",
    "SIGSTOP of the holder, of waiters, of one that joins, of any in a storm.",
    _count("rounds", 20, "Of a stopped holder; half as many of stopped waiters.", least=0),
    _count("stops", 80, "In a storm.", least=0),
    _count("joins", 20, "Of a process that is just joining.", least=0),
)
_add(
    "deadlines",
    "By how much a wait misses its patience.",
    _count("rounds", 5, "Of each combination."),
    _seconds("longest", 5.0, "Longest patience."),
    _count("others", 20, "Writers ahead in line."),
    _seconds("repeat", 5.0, "To fill with repeated short waits."),
)
_add(
    "stray-close",
    "open(database).close() in a writer: what is lost, and who notices.",
    _count("rounds", 20, "Of each combination."),
    _seconds("seconds", 0.6, "Of each round."),
)
_add(
    "give-ups",
    "Waiters leave the middle of a long line.",
    _count("rounds", 8, "How many."),
    _count("waiters", 100, "In each line.", least=4),
)
_add(
    "forks",
    "A fork with an open registry: idle, in line, inside.",
    _count("rounds", 5, "Of each combination."),
    _case("forks", "What becomes of the child.", option="fate"),
)
_add(
    "sidecars",
    "The queue's own files damaged in a storm.",
    _count("rounds", 3, "Of each damage."),
    _case("sidecars", "One damage."),
    _seconds("before", 1.0, "Of storm before the damage."),
    _seconds("after", 3.0, "Of storm after it."),
)
_add(
    "clocks",
    "Wall clocks that step, monotonic clocks that differ.",
    _seconds("seconds", 10.0, "Of each storm."),
    _case("clocks", "One clock."),
)
_add("descriptors", "No descriptor is left (EMFILE).", _count("rounds", 5, "Of each case."))
_add(
    "mixed-company",
    "Plain sqlite3 and the command-line shell beside the queue.",
    _seconds("seconds", 10.0, "Of each storm."),
    _case("mixed-company", "One company."),
)


@campaign.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if table.md is not what the results give.")
def table(directory: Path, *, check: bool) -> None:
    """Write DIRECTORY/table.md: the findings of all results that are stored there."""
    from ..faults.campaigns.table import results_table

    text = results_table(directory)
    path = directory / "table.md"
    if not check:
        path.write_text(text, encoding="utf-8")
        click.echo(path)
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        click.echo(f"sessionreg: {path} is not what the results give; write it without --check", err=True)
        sys.exit(1)
