"""`sessionreg cleanup`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, fields

import click

from pytest_sessionreg.registry.cleanup import Cleanup

from ..cli.parameters import database_option, existing_registry, json_option

__all__ = ["cleanup"]


@click.command(epilog="Example: sessionreg cleanup --database sessions.db")
@database_option
@json_option
def cleanup(database: str | None, *, as_json: bool) -> None:
    """Remove what has expired, in all workspaces.

    Stale locks are freed, and sessions whose process is gone are marked as crashed.
    """
    counts = Counter({field.name: 0 for field in fields(Cleanup)})
    with existing_registry(database) as registry, registry.transaction():
        for workspace in registry.all_workspaces():
            counts.update(asdict(workspace.cleanup()))
    if as_json:
        click.echo(json.dumps(counts))
    else:
        click.echo(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))
