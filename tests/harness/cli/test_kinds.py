from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pytest_sessionreg._harness.cli.kinds import KINDS, read_outcome
from pytest_sessionreg.errors import ResultError

_ROOT = Path(__file__).parents[3]


def test_every_kind_of_result_that_is_written_can_be_read() -> None:
    written = {
        node.value.value
        for room in ("pytest_sessionreg", "harness")
        for path in (_ROOT / room).rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id.lstrip("_") in {"KIND", "FORMER_KIND"}
        and isinstance(node.value, ast.Constant)
    }
    assert written - {"storm-baseline"} == set(KINDS)  # a baseline is no result: it is agreed to


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_off_is_told_by_its_kind(kind: str) -> None:
    with pytest.raises(ResultError, match="truncated"):
        read_outcome(f'{{"kind": "{kind}", "schema": 1, ')
