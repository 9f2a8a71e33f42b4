"""`sessionreg campaign NAME`."""

from __future__ import annotations

import inspect
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
    from ..faults.campaigns.result import CampaignFinding

__all__ = ["campaign"]

_NAMES = (
    *("clocks", "deadlines", "descriptors", "forks", "give-ups"),
    *("kills", "mixed-company", "sidecars", "stops", "stray-close"),
)
_VERDICT = {True: "good", False: "BAD", None: "note"}
_SEED = click.Option(
    ["--seed"], type=click.IntRange(0, 2**62), default=1, show_default=True, metavar="K", help="Repeats the chances."
)


class _Campaigns(click.Group):
    """A command per module of faults.campaigns, loaded when it is used: its options are the parameters of `run`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*_NAMES, *super().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _command(cmd_name) if cmd_name in _NAMES else super().get_command(ctx, cmd_name)


@click.group(cls=_Campaigns)
def campaign() -> None:
    """Inject one kind of fault into the write queue, many times.

    Each campaign prints what it asked and what it found, and exits with 1 if something that was asked did not hold.
    """


def _command(name: str) -> click.Command:
    module = import_module(f"..faults.campaigns.{name.replace('-', '_')}", __package__)
    meanings = dict(line.split(": ", 1) for line in (inspect.getdoc(module.run) or "").splitlines())
    options = [
        _option(parameter, meanings.get(parameter.name, ""), getattr(module, "CASES", ()))
        for parameter in inspect.signature(module.run, eval_str=True).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    command = click.Command(
        name, callback=partial(_run, name, module.run), params=[*options, _SEED], help=module.__doc__
    )
    return out_option(None, otherwise="nowhere")(command)


def _option(parameter: inspect.Parameter, meaning: str, cases: tuple[str, ...]) -> click.Option:
    given: dict[str, Any] = {"default": parameter.default, "show_default": True, "help": meaning.capitalize()}
    if parameter.annotation is int:
        given |= {"type": click.IntRange(1, 100_000), "metavar": "N"}
    elif parameter.annotation is float:
        given |= {"type": click.FloatRange(0.01, 3600), "metavar": "SECONDS"}
    else:
        told = f"{meaning.capitalize().rstrip('.')}: {', '.join(map(repr, cases))}.  [default: all]"
        given = {"type": click.Choice(cases), "metavar": "CASE", "help": told}
    return click.Option([f"--{parameter.name}"], **given)


def _run(name: str, run: Any, *, seed: int, out: Path | None, **parameters: Any) -> NoReturn:
    check_directory(out)
    from ..faults.campaigns.campaign import run_campaign

    with deferred_interrupt() as check:
        result = run_campaign(name, run, parameters, seed=seed, command=command_line(), check=check, on_finding=_print)
    envelope = result.envelope
    click.echo(f"{envelope.environment.line()}, {result.seconds:g} s")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"{name}.json"
        path.write_text(result.to_json(), encoding="utf-8")
        click.echo(path)
    if envelope.partial is not None:
        click.echo(f"sessionreg: {partial_note(envelope.partial, out)}", err=True)
    sys.exit(0 if result.good else 1)


def _print(finding: CampaignFinding) -> None:
    click.echo(f"{_VERDICT[finding.good]:<5}{finding.fault} ({finding.times} times)")
    click.echo(f"     asked: {finding.asked or 'nothing'}\n     found: {finding.found}")


@campaign.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if table.md is not what the results give.")
def table(directory: Path, *, check: bool) -> None:
    """Write DIRECTORY/table.md: what all results in it found."""
    from ..faults.campaigns.table import results_table

    text = results_table(directory)
    path = directory / "table.md"
    if not check:
        path.write_text(text, encoding="utf-8")
        click.echo(path)
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        click.echo(f"sessionreg: {path} is not what the results give; write it without --check", err=True)
        sys.exit(1)
