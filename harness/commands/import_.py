"""`sessionreg import`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.importers import SOURCES, import_legacy

from ..cli.parameters import database_option, json_option, workspace_option

__all__ = ["import_"]

_HELP = f"Bring in what an older store holds, once.\n\nSOURCE is one of: {'; '.join(SOURCES)}."


@click.command("import", help=_HELP, epilog="Example: sessionreg import data/claude-sessions.json --dry-run")
@click.argument("source", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Read everything and say what would come; write nothing.")
@workspace_option
@database_option
@json_option
def import_(source: str, workspace: str, database: str | None, *, dry_run: bool, as_json: bool) -> None:
    """The command; its help is _HELP."""
    with Registry.open(database, workspace=workspace) as registry:
        report = import_legacy(registry, source, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    what = ", ".join(f"{number} {store}" for store, number in report.imported.items()) or "nothing"
    if report.already_imported:
        click.echo(f"{report.source}: was imported before; nothing was written")
    else:
        click.echo(f"{report.source} ({report.kind}): {'would import' if dry_run else 'imported'} {what}")
    if report.repeated:
        there = ", ".join(f"{number} {store}" for store, number in report.repeated.items())
        click.echo(f"left as they are, because their ids are taken: {there}")
    for record in report.malformed:
        where = record.file if record.line is None else f"{record.file}:{record.line}"
        click.echo(f"skipped {where}: {record.reason}")
