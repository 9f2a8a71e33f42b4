from __future__ import annotations

import pytest

from pytest_sessionreg.registry import stores
from tests.registry.stores.reference import PAGE, rewritten


def test_the_reference_says_of_every_store_what_its_module_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == rewritten(page), "run `python -m tests.registry.stores.reference`, which writes it anew"


@pytest.mark.parametrize("name", stores.names())
def test_the_reference_names_every_store_that_there_is(name: str) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The stores\n")[2].partition("\n## ")[0]
    assert f"\n**{name}**: " in section


def test_an_entry_that_differs_is_written_anew() -> None:
    page = PAGE.read_text(encoding="utf-8")
    changed = page.replace("**locks**: one holder", "**locks**: two holders")
    assert changed != page
    assert rewritten(changed) == page
