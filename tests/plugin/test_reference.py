"""What the reference says of the plugin is what the plugin has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.plugin.hooks import pytest_addoption
from pytest_sessionreg.results.limits import LIMITS

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
    pytest_addoption(parser)  # type: ignore[arg-type]
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


def test_every_parameter_of_a_storm_is_in_its_table() -> None:
    parameters = [name for name in inspect.signature(Storm.__call__).parameters if name != "self"]
    assert _codes([row[0] for row in _table("Storms of your own code", "parameter")]) == parameters
