"""`sessionreg adoption`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.parameters import (
    check_directory,
    database_option,
    existing_registry,
    json_option,
    out_option,
    span,
    workspace_option,
)
from ..hosts.option import HostsCommand

__all__ = ["adoption"]


@click.command(cls=HostsCommand, epilog="Example: sessionreg adoption --window 7d")
@click.option(
    "--window",
    type=span,
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="Suggestions of the last ... s, m, h, d or w.",
)
@click.option("--session", metavar="ID", help="Of this one only.  [default: all]")
@workspace_option
@database_option
@json_option
@out_option(None, otherwise="nowhere")
def adoption(
    window: timedelta, session: str | None, workspace: str, database: str | None, *, as_json: bool, out: Path | None
) -> None:
    """Say which suggestions of skills were taken, and what share.

    One is taken where its session invokes the skill afterwards.
    """
    check_directory(out)
    from ..experiments.adoption.experiment import adoption as ask
    from ..experiments.adoption.outcome import outcome

    with existing_registry(database, workspace) as registry:
        result = ask(registry, window, workspace=workspace, session=session, command=command_line())
    deliver(outcome(result), as_json=as_json, out=out)
