"""`sessionreg doctor`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from pytest_sessionreg.registry.doctor import examine
from pytest_sessionreg.registry.sqlite.quarantine import quarantine as move_aside

from ..cli.console import output
from ..cli.parameters import json_option

__all__ = ["doctor"]


@click.command(epilog="Example: sessionreg doctor sessions.db --full --deadline 60")
@click.argument("path", required=False, type=click.Path())
@click.option("--full", is_flag=True, help="SQLite's full integrity check instead of the quick one.")
@click.option(
    "--deadline", type=click.FloatRange(min=0.001), default=10.0, show_default=True, metavar="S", help="For the check."
)
@click.option("--quarantine", is_flag=True, help="Move a damaged file aside, with its log, keeping every byte.")
@json_option
def doctor(path: str | None, deadline: float, *, full: bool, quarantine: bool, as_json: bool) -> None:
    """Examine a registry, and say what is wrong.

    Looks at the library, the file, its queue, its locks and sessions. Exits with 1 when something is wrong.
    """
    diagnosis = examine(path, full=full, deadline_s=deadline)
    moved = move_aside(diagnosis.path) if quarantine and diagnosis.damaged else []
    if as_json:
        click.echo(json.dumps({**asdict(diagnosis), "wrong": diagnosis.wrong, "moved": moved}, indent=2))
    else:
        from pytest_sessionreg.report.diagnosis import diagnosis_table

        output().print(diagnosis_table(diagnosis))
        for name in moved:
            click.echo(f"moved to {name}")
        if quarantine and not moved:
            click.echo("not damaged: nothing was moved")
    sys.exit(1 if diagnosis.wrong else 0)
