"""Kinds of parameters that several commands take."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import CannotOpen
from pytest_sessionreg.registry.location import resolve
from pytest_sessionreg.registry.registry import DEFAULT_WORKSPACE
from pytest_sessionreg.results.policies import ON_REQUEST, POLICY_NAMES

__all__ = [
    "check_directory",
    "database_option",
    "existing_registry",
    "json_option",
    "no_plots_option",
    "out_option",
    "policy_option",
    "span",
    "workspace_option",
]

FC = TypeVar("FC", bound=Callable[..., Any])

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
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else there."
)
no_plots_option = click.option("--no-plots", is_flag=True, help="Draw no picture.")


def out_option(default: str | None, *, otherwise: str = "") -> Callable[[FC], FC]:
    """--out, which version 0.1 called --report; otherwise: what becomes of results where nothing is given."""
    return click.option(
        "--out",
        "--report",
        "out",
        type=click.Path(path_type=Path),
        default=None if default is None else Path(default),
        metavar="DIR",
        help=f"Where results go.  [default: {default or otherwise}]",
    )


def policy_option(remark: str = "") -> Callable[[FC], FC]:
    """--policy, repeatable, as `policies`. remark: what else is to be said of them."""
    return click.option(
        "--policy",
        "policies",
        multiple=True,
        type=click.Choice([*POLICY_NAMES, *ON_REQUEST]),
        help=f"Admission policy, repeatable{f'; {remark}' if remark else ''}.  [default: {', '.join(POLICY_NAMES)}]",
    )


@contextmanager
def existing_registry(database: str | None, workspace: str = DEFAULT_WORKSPACE) -> Iterator[Registry]:
    """The registry at `database`, opened only if it exists: asking must not create one."""
    path = resolve(database, create_directory=False)
    if not os.path.exists(path):
        raise CannotOpen(f"{path}: does not exist; nothing has been registered there yet", database=path)
    with Registry.open(path, workspace=workspace) as registry:
        yield registry


def check_directory(out: Path | None, option: str = "--out") -> None:
    """Before a run rather than after it: whether results can be written to `out`, which need not exist yet.

    Raises click.UsageError where they cannot.
    """
    if out is None:
        return
    nearest = out
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise click.UsageError(f"{option} {out}: {nearest} is not a directory that can be written; choose another")
