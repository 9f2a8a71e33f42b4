"""`sessionreg sessions`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from pytest_sessionreg.registry.stores.sessions import STATUSES

from ..cli.console import output
from ..cli.parameters import database_option, existing_registry, json_option, workspace_option

__all__ = ["sessions"]


@click.command(epilog="Example: sessionreg sessions --status active --json")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.  [default: all]")
@workspace_option
@database_option
@json_option
def sessions(status: str | None, workspace: str, database: str | None, *, as_json: bool) -> None:
    """List the sessions, the oldest first."""
    with existing_registry(database, workspace) as registry:
        found = registry.sessions.list(status=status)
    if as_json:
        click.echo(json.dumps([asdict(session) for session in found], default=_plain, indent=2))
        return
    from pytest_sessionreg.report.sessions import sessions_table

    if found:
        output().print(sessions_table(found))
    else:
        click.echo("no sessions")


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON form")
