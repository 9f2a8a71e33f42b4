"""What the reference says of the plugin is what the plugin has; so are the tables of workloads and imports."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pytest_sessionreg.plugin import Storm, hooks
from pytest_sessionreg.registry.importers.legacy import LAYOUTS
from pytest_sessionreg.results.limits import LIMITS, Budget
from pytest_sessionreg.storm.catalogue import WORKLOAD_NAMES

_REFERENCE = (Path(__file__).parents[2] / "pytest_sessionreg/README.md").read_text(encoding="utf-8")


class _Parser:
    """Keeps the names of what a plugin adds to pytest's own parser, whose lists are not public."""

    def __init__(self) -> None:
        self.options: list[str] = []
        self.keys: list[str] = []

    def getgroup(self, *_: Any, **__: Any) -> _Parser:
        return self

    def addoption(self, *names: str, **_: Any) -> None:
        self.options += names

    def addini(self, name: str, *_: Any, **__: Any) -> None:
        self.keys.append(name)


def _table(heading: str, first_column: str) -> list[list[str]]:
    """The cells of the table under `heading` whose first column has that title."""
    section = re.split(r"\n##+ ", _REFERENCE.partition(f"# {heading}\n")[2])[0]
    lines = section.partition(f"\n| {first_column} |")[2].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    assert rows, (heading, first_column)
    return rows


def _codes(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`([\w-]+)[^`]*`", cell)]


def test_every_option_and_ini_key_is_in_the_table_of_the_gate() -> None:
    parser = _Parser()
    hooks.pytest_addoption(parser)  # type: ignore[arg-type]
    rows = _table("The gate in pytest", "option")
    assert sorted(_codes([row[0] for row in rows])) == sorted(parser.options)
    assert sorted(_codes([row[1] for row in rows])) == sorted(parser.keys)


def test_every_limit_is_in_the_table_of_the_gate() -> None:
    assert _codes([row[0] for row in _table("The gate in pytest", "limit")]) == list(LIMITS)


def test_every_marker_is_named(request: pytest.FixtureRequest) -> None:
    ours = [line for line in request.config.getini("markers") if line.startswith(("storm_budget", "real_registry"))]
    assert len(ours) == 2
    for line in ours:
        name = re.split(r"[(:]", line)[0]
        assert f"`@pytest.mark.{name}" in _REFERENCE


def test_the_marker_of_budgets_shows_every_limit_with_its_default(request: pytest.FixtureRequest) -> None:
    (shown,) = [line for line in request.config.getini("markers") if line.startswith("storm_budget")]
    limits = ", ".join(f"{limit.name}={limit.default}" for limit in fields(Budget))
    assert shown.startswith(f"storm_budget(*, {limits}):")


def test_every_fixture_is_in_the_table_of_fixtures() -> None:
    assert sorted(_codes([row[0] for row in _table("Fixtures", "fixture")])) == sorted(
        name for name in hooks.__all__ if not name.startswith("pytest_")
    )


@pytest.mark.parametrize("name", WORKLOAD_NAMES)
def test_every_built_in_workload_is_named(name: str) -> None:
    named = re.search(r"\nWhat a worker writes is a built-in workload \((.*?)\)", _REFERENCE, flags=re.DOTALL)
    assert named is not None
    assert f"`{name}`" in named[1]


def test_every_source_of_an_import_is_in_the_table_of_tools() -> None:
    rows = {row[0].lower(): row[2] for row in _table("For people and shells", "tool")}
    assert {layout.kind.removesuffix(" database") for layout in LAYOUTS} == set(rows)
    for layout in LAYOUTS:
        tool = layout.kind.removesuffix(" database")
        assert "; a database " in rows[tool] or layout.kind == tool


def test_every_parameter_of_a_storm_is_in_its_table() -> None:
    parameters = [name for name in inspect.signature(Storm.__call__).parameters if name != "self"]
    assert _codes([row[0] for row in _table("Storms of your own code", "parameter")]) == parameters
