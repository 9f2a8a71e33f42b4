"""`sessionreg adoption`."""

from __future__ import annotations

import json
from datetime import timedelta

import click

from ..parameters import database_option, existing_registry, json_option, span, workspace_option

__all__ = ["adoption"]


@click.command(epilog="Example: sessionreg adoption --window 7d")
@click.option(
    "--window",
    type=span,
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="Suggestions of the last ... s, m, h, d or w.",
)
@workspace_option
@database_option
@json_option
def adoption(window: timedelta, workspace: str, database: str | None, *, as_json: bool) -> None:
    """Say which share of the suggested skills was invoked afterwards in the same session."""
    with existing_registry(database, workspace) as registry:
        counts = registry.skills.adoption_counts(window)
    rate = counts.taken / counts.suggested if counts.suggested else None
    if as_json:
        click.echo(json.dumps({"suggested": counts.suggested, "taken": counts.taken, "adoption": rate}))
    elif rate is None:
        click.echo("nothing was suggested in that window, so there is no rate")
    else:
        click.echo(f"{counts.taken} of {counts.suggested} suggestions were taken: {rate:.1%}")
