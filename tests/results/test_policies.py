from __future__ import annotations

from pathlib import Path

import pytest

from pytest_sessionreg import RetryBudget
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.report.glossary import GLOSSARY
from pytest_sessionreg.results import policies
from pytest_sessionreg.results.policies import ON_REQUEST, POLICY_NAMES, Own, policy_named, policy_shown_as

_EVERY = (*POLICY_NAMES, *ON_REQUEST)
_GLOSSARY = (Path(__file__).parents[2] / "docs/glossary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", _EVERY)
def test_a_policy_is_known_by_its_name_and_made_again_from_what_results_store(name: str) -> None:
    policy = policy_named(name)
    assert policy.name == name
    assert policy_shown_as(repr(policy)) == policy


def test_every_kind_of_policy_can_be_made_again_also_one_on_request() -> None:
    class Rare(RetryBudget):
        __slots__ = ()
        name = "rare"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policies, "_EVERY", (*policies._EVERY, Rare()))
        assert policy_named("rare") == Rare()
        assert policy_shown_as(repr(Rare(retries=3))) == Rare(retries=3)
    assert isinstance(policy_shown_as("Own()"), Own)


def test_an_unknown_policy_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(StormError, match=f"choose from {', '.join(_EVERY)}"):
        policy_named("hope")
    with pytest.raises(StormError, match="it is none of RetryBudget"):
        policy_shown_as("Hope()")


@pytest.mark.parametrize("name", _EVERY)
def test_the_glossary_of_the_page_explains_every_policy(name: str) -> None:
    assert name in dict(GLOSSARY)


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_the_glossary_of_the_documents_names_every_policy(name: str) -> None:
    section = _GLOSSARY.partition("### admission policy\n")[2].partition("\n### ")[0]
    assert f"`{name}`" in section
