"""The end of an experiment's command: what is printed, what is stored, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console, RenderableType

from pytest_sessionreg.report.whole_files import write_files
from pytest_sessionreg.storm.envelope import Envelope

from .console import PLAIN_WIDTH, output
from .interruption import kept

__all__ = ["Outcome", "deliver"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """json: the whole result. tables: for people. finding: what was found, in a sentence or two. wrong: what was found
    that must not be, a line each; any means exit code 1. pictures: file name to its content, made only when stored.
    """

    envelope: Envelope
    json: str
    tables: Sequence[RenderableType]
    finding: str
    wrong: Sequence[str] = ()
    pictures: Callable[[], Mapping[str, bytes]] = field(default=dict)


def deliver(outcome: Outcome, *, as_json: bool, out: Path | None) -> NoReturn:
    """Print and store `outcome`, and exit: 0 good, 1 where something is wrong or the run is partial."""
    paths = [] if out is None else _store(outcome, out)
    if as_json:
        click.echo(outcome.json, nl=False)
    else:
        _show(outcome, output())
        for path in paths:
            click.echo(path)
    for line in outcome.wrong:
        click.echo(f"sessionreg: {line}", err=True)
    if outcome.envelope.partial is not None:
        click.echo(f"sessionreg: {kept(outcome.envelope.partial, out)}", err=True)
    sys.exit(1 if outcome.wrong or outcome.envelope.partial is not None else 0)


def _show(outcome: Outcome, console: Console) -> None:
    if outcome.envelope.partial is not None:
        console.print(f"{_partial(outcome.envelope.partial)}.", markup=False, style="bold yellow")
    for table in outcome.tables:
        console.print(table)
    console.print(outcome.finding, markup=False)
    console.print(outcome.envelope.environment.line(), markup=False, style="dim")


def _partial(reason: str) -> str:
    return f"Partial result ({reason}): this is what was done until then"


def _store(outcome: Outcome, directory: Path) -> list[Path]:
    name = outcome.envelope.kind
    contents = {
        f"{name}.json": outcome.json.encode(),
        f"{name}.md": _markdown(outcome).encode(),
        **outcome.pictures(),
    }
    write_files(contents, directory)
    return [directory / file_name for file_name in contents]


def _markdown(outcome: Outcome) -> str:
    """The finding and the tables as a README shows them."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(width=PLAIN_WIDTH, record=True, file=nowhere, highlight=False, no_color=True)
        for table in outcome.tables:
            console.print(table)
        text = "\n".join(line.rstrip() for line in console.export_text().splitlines())
    partial = "" if outcome.envelope.partial is None else f"{_partial(outcome.envelope.partial)}.\n\n"
    return (
        f"# {outcome.envelope.kind}\n\n{outcome.finding}\n\n{partial}    {outcome.envelope.command}\n\n"
        f"{outcome.envelope.environment.line()}\n\n```text\n{text}\n```\n"
    )
