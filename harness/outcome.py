"""The end of an experiment's command: what is printed, what is stored, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import click
from rich.console import Console

from pytest_sessionreg.report.renderers import Written
from pytest_sessionreg.storm.envelope import Envelope

from .console import output
from .interruption import kept

__all__ = ["Figures", "Outcome", "deliver"]


@dataclass(frozen=True, slots=True)
class Figures:
    """The main figures of one subject (a policy, a fault under a policy, ...), by heading, to be set beside those of
    other places. None stands for one that cannot be had.
    """

    subject: str
    values: Mapping[str, float | None]


class Outcome(Protocol):
    """A result of any kind, as a command shows and stores it."""

    @property
    def envelope(self) -> Envelope:
        """What it says about itself."""

    @property
    def json(self) -> str:
        """The whole result."""

    @property
    def finding(self) -> str:
        """What was found, in a sentence or two."""

    @property
    def figures(self) -> Sequence[Figures]:
        """What is set beside other places' results, in the order of its tables."""

    @property
    def complaints(self) -> Sequence[str]:
        """What is to be said on standard error of things that must not be."""

    @property
    def wrong(self) -> bool:
        """Whether something was found that must not be, so that the exit code is 1."""

    def show(self, console: Console) -> None:
        """Print the tables, the finding and the machine."""

    def write(self, directory: Path, *, plots: bool, json: bool) -> Written:
        """Write all files into `directory`, the result itself only if `json`; what was written. Raises OSError."""


def deliver(
    outcome: Outcome, *, as_json: bool, out: Path | None, plots: bool = True, note: str | None = None
) -> NoReturn:
    """Print and store `outcome`, and exit: 0 good, 1 where something is wrong or the run is partial.

    note: what parts of it that are stored already lack, by default what this one does.
    """
    written = Written((), None) if out is None else outcome.write(out, plots=plots, json=True)
    if as_json:
        click.echo(outcome.json, nl=False)
    else:
        outcome.show(output())
        for path in written.paths:
            click.echo(path)
    missing = note or written.note
    if missing is not None:
        click.echo(f"sessionreg: {missing}", err=True)
    for complaint in outcome.complaints:
        click.echo(complaint, err=True)
    partial = outcome.envelope.partial
    if partial is not None:
        click.echo(f"sessionreg: {kept(partial, out)}", err=True)
    sys.exit(1 if outcome.wrong or partial is not None else 0)
