"""The end of an experiment's command: what is printed, what is stored, and the exit code."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console, RenderableType

from pytest_sessionreg.storm.envelope import Envelope

from .console import PLAIN_WIDTH, output

__all__ = ["Outcome", "check_directory", "deliver", "report_option"]

report_option = click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the JSON, the finding and the pictures there.",
)


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


def check_directory(report: Path | None) -> None:
    """Before the experiment rather than after it: whether its results can be written. Raises click.UsageError."""
    if report is None:
        return
    nearest = report
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise click.UsageError(f"--report {report}: {nearest} is not a directory that can be written; choose another")


def deliver(outcome: Outcome, *, as_json: bool, report: Path | None) -> NoReturn:
    """Print and store `outcome`, and exit: 0 good, 1 where something is wrong or the run was interrupted."""
    paths = [] if report is None else _store(outcome, report)
    if as_json:
        click.echo(outcome.json, nl=False)
    else:
        _show(outcome, output())
        for path in paths:
            click.echo(path)
    for line in outcome.wrong:
        click.echo(f"sessionreg: {line}", err=True)
    if outcome.envelope.interrupted:
        reason = outcome.envelope.interrupted
        click.echo(f"sessionreg: interrupted ({reason}); what was measured is kept, no worker is left", err=True)
    sys.exit(1 if outcome.wrong or outcome.envelope.interrupted else 0)


def _show(outcome: Outcome, console: Console) -> None:
    if outcome.envelope.interrupted:
        console.print("interrupted: this is the part that was done", style="bold yellow")
    for table in outcome.tables:
        console.print(table)
    console.print(outcome.finding, markup=False)
    console.print(outcome.envelope.environment.line(), markup=False, style="dim")


def _store(outcome: Outcome, directory: Path) -> list[Path]:
    """Each file appears whole or not at all."""
    name = outcome.envelope.kind
    contents = {
        f"{name}.json": outcome.json.encode(),
        f"{name}.md": _markdown(outcome).encode(),
        **outcome.pictures(),
    }
    directory.mkdir(parents=True, exist_ok=True)
    for file_name, data in contents.items():
        descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{file_name}.")
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.chmod(temporary, 0o644)
            os.replace(temporary, directory / file_name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return [directory / file_name for file_name in contents]


def _markdown(outcome: Outcome) -> str:
    """The finding and the tables as a README shows them."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(width=PLAIN_WIDTH, record=True, file=nowhere, highlight=False, no_color=True)
        for table in outcome.tables:
            console.print(table)
        text = "\n".join(line.rstrip() for line in console.export_text().splitlines())
    interrupted = "Interrupted: this is the part that was done.\n\n" if outcome.envelope.interrupted else ""
    return (
        f"# {outcome.envelope.kind}\n\n{outcome.finding}\n\n{interrupted}    {outcome.envelope.command}\n\n"
        f"{outcome.envelope.environment.line()}\n\n```text\n{text}\n```\n"
    )
