from __future__ import annotations

from pathlib import Path

import pytest

from pytest_sessionreg._harness.commands.campaign import campaign
from pytest_sessionreg._harness.faults.menu import FAULT_NAMES

_PAGE = (Path(__file__).parents[3] / "docs/field-failures.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FAULT_NAMES)
def test_the_page_of_failures_names_every_fault(name: str) -> None:
    assert f"`{name}`" in _PAGE


def test_the_page_of_failures_names_every_campaign() -> None:
    names = set(campaign.list_commands(campaign.make_context("campaign", [], resilient_parsing=True))) - {"table"}
    assert len(names) == 10
    assert not {name for name in names if f"`{name}`" not in _PAGE}
