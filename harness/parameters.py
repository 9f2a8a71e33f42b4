"""Kinds of parameters that several commands take."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import CannotOpen
from pytest_sessionreg.registry.location import resolve
from pytest_sessionreg.registry.registry import DEFAULT_WORKSPACE
from pytest_sessionreg.storm.errors import StormError

__all__ = ["check_directory", "database_option", "existing_registry", "json_option", "span", "workspace_option"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(value: str | timedelta) -> timedelta:
    """A number and its unit, e.g. 90s, 30m, 24h, 7d, 2w. Raises click.BadParameter for anything else."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])", value)
    found = timedelta(**{_UNITS[match[2]]: float(match[1])}) if match else timedelta(0)
    if not found:
        message = f"{value!r} is no time span; give a number above 0 and one of s, m, h, d, w, e.g. 7d"
        raise click.BadParameter(message)
    return found


database_option = click.option(
    "--database",
    type=click.Path(),
    metavar="PATH",
    help="The registry's file.  [default: $SESSIONREG_DB, else the per-user one]",
)
workspace_option = click.option(
    "--workspace", default=DEFAULT_WORKSPACE, show_default=True, metavar="ID", help="Whose rows."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@contextmanager
def existing_registry(database: str | None, workspace: str = DEFAULT_WORKSPACE) -> Iterator[Registry]:
    """The registry at `database`, opened only if it exists: asking must not create one."""
    path = resolve(database)
    if not os.path.exists(path):
        raise CannotOpen(f"{path}: does not exist; nothing has been registered there yet", database=path)
    with Registry.open(path, workspace=workspace) as registry:
        yield registry


def check_directory(option: str, directory: Path) -> None:
    """Before a run rather than after it: whether results can be written to `directory`, which need not exist yet.

    Raises StormError where they cannot, naming `option`.
    """
    nearest = directory
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise StormError(f"{option} {directory}: {nearest} is not a directory that can be written; choose another")
