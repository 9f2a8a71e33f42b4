from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import NotFound
from pytest_sessionreg.registry.workspace import Workspace


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "", "ü\n", [], {}, {"a": [1, {"b": None}]}, 10**30])
def test_a_value_comes_back_as_it_was_set(registry: Registry, value: Any) -> None:
    registry.overrides.set("a", "key", value)
    override = registry.overrides.get("a", "key")
    assert override is not None
    assert override.value == value
    assert type(override.value) is type(value)
    assert (override.session_id, override.key) == ("a", "key")


def test_a_second_value_replaces_the_first(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    registry.overrides.set("a", "key", 1)
    first = registry.overrides.get("a", "key")
    let_pass(timedelta(seconds=1))
    registry.overrides.set("a", "key", 2)
    (second,) = registry.overrides.list("a")
    assert first is not None
    assert second.value == 2
    assert second.updated_at - first.updated_at == timedelta(seconds=1)


def test_overrides_belong_to_one_session_and_are_listed_by_key(registry: Registry) -> None:
    for key in ("z", "A", "m"):
        registry.overrides.set("a", key, key)
    registry.overrides.set("b", "m", "other")
    assert [override.key for override in registry.overrides.list("a")] == ["A", "m", "z"]
    assert [override.value for override in registry.overrides.list("b")] == ["other"]


def test_deleting_says_whether_there_was_one(registry: Registry) -> None:
    registry.overrides.set("a", "key", 1)
    registry.overrides.set("b", "key", 1)
    assert registry.overrides.delete("a", "key")
    assert not registry.overrides.delete("a", "key")
    assert registry.overrides.get("a", "key") is None
    assert registry.overrides.get("b", "key") is not None


def test_unknown_overrides_are_none_and_empty(registry: Registry) -> None:
    assert registry.overrides.get("nobody", "key") is None
    assert registry.overrides.list("nobody") == []
    assert not registry.overrides.delete("nobody", "key")


def test_an_override_of_an_unknown_session_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.overrides.set("nobody", "key", 1)
    assert registry.overrides.list("nobody") == []


def test_overrides_go_with_their_session(registry: Registry) -> None:
    registry.overrides.set("a", "key", 1)
    registry.overrides.set("b", "key", 2)
    registry.sessions.remove("a")
    registry.sessions.register("a")
    assert registry.overrides.list("a") == []
    assert len(registry.overrides.list("b")) == 1


def test_overrides_stay_with_a_session_that_is_resumed(registry: Registry) -> None:
    registry.overrides.set("a", "key", 1)
    registry.sessions.finish("a")
    registry.sessions.register("a")
    assert len(registry.overrides.list("a")) == 1


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py


def fill(of: Workspace) -> None:
    of.overrides.set("one", "key", of.workspace_id)


def reads(of: Workspace) -> list[object]:
    return [of.overrides.get("one", "key"), of.overrides.list("one")]


def changes(of: Workspace) -> list[object]:
    return [of.overrides.delete("one", "key")]


def calls(registry: Registry) -> None:
    registry.overrides.set("s", "k", 1)
    registry.overrides.get("s", "k")
    registry.overrides.list("s")
    registry.overrides.delete("s", "k")
