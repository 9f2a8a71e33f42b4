"""`sessionreg import`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.importers import SOURCES, ImportReport, UnknownSource, check_source, import_legacy
from pytest_sessionreg.registry.location import resolve

from ..cli.parameters import database_option, json_option, workspace_option

__all__ = ["import_"]

_HELP = f"Bring in what an older store holds, once.\n\nSOURCE is one of: {'; '.join(SOURCES)}."


@click.command("import", help=_HELP, epilog="Example: sessionreg import data/claude-sessions.json --dry-run")
@click.argument("source", type=click.Path())
@click.option("--dry-run", is_flag=True, help="Read everything and say what would come; create and import nothing.")
@workspace_option
@database_option
@json_option
def import_(source: str, workspace: str, database: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Import `source` into the registry, or with dry_run say what an import would do."""
    path = resolve(database, create_directory=False)
    try:
        check_source(source, into=path)  # before the registry: a mistyped source must not create one
    except UnknownSource as error:
        raise click.UsageError(str(error)) from None
    created = not os.path.exists(path)
    with _nothing_yet(workspace) if dry_run and created else Registry.open(database, workspace=workspace) as registry:
        report = import_legacy(registry, source, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    _print(report)
    if dry_run and created:
        click.echo(f"{path}: does not exist; an import would create it")


@contextmanager
def _nothing_yet(workspace: str) -> Iterator[Registry]:
    """An empty registry, for a dry run into one that does not exist; removed afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="sessionreg-dry-run-") as directory,
        Registry.open(os.path.join(directory, "sessions.db"), workspace=workspace) as registry,
    ):
        yield registry


def _print(report: ImportReport) -> None:
    what = ", ".join(f"{number} {store}" for store, number in report.imported.items()) or "nothing"
    if report.already_imported:
        click.echo(f"{report.source}: was imported before; nothing was written")
    else:
        click.echo(f"{report.source} ({report.kind}): {'would import' if report.dry_run else 'imported'} {what}")
    if report.repeated:
        there = ", ".join(f"{number} {store}" for store, number in report.repeated.items())
        click.echo(f"left as they are, because their ids are taken: {there}")
    for record in report.malformed:
        where = record.file if record.line is None else f"{record.file}:{record.line}"
        click.echo(f"skipped {where}: {record.reason}")
