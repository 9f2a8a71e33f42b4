from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from pytest_sessionreg import Registry

SECOND = timedelta(seconds=1)


def test_a_value_is_set_replaced_and_deleted(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    session_registry.meta.set("key", "one")
    first = session_registry.meta.get("key")
    let_pass(SECOND)
    session_registry.meta.set("key", "two")
    second = session_registry.meta.get("key")
    assert first is not None
    assert second is not None
    assert (first.value, second.value, second.updated_at) == ("one", "two", first.updated_at + SECOND)
    assert session_registry.meta.delete("key")
    assert not session_registry.meta.delete("key")
    assert session_registry.meta.get("key") is None


def test_a_marker_is_set_once(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    assert session_registry.meta.mark("import:ccr", "first")
    entry = session_registry.meta.get("import:ccr")
    let_pass(SECOND)
    assert not session_registry.meta.mark("import:ccr", "second")
    assert session_registry.meta.get("import:ccr") == entry
    assert entry is not None
    assert entry.value == "first"


def test_a_marker_that_was_deleted_can_be_set_again(session_registry: Registry) -> None:
    session_registry.meta.mark("key", "")
    session_registry.meta.delete("key")
    assert session_registry.meta.mark("key", "")


def test_entries_are_listed_by_key(session_registry: Registry) -> None:
    before = [entry.key for entry in session_registry.meta.list()]
    for key in ("z", "a", "m"):
        session_registry.meta.set(key, key)
    assert [entry.key for entry in session_registry.meta.list()] == sorted([*before, "a", "m", "z"])


def test_meta_belongs_to_the_file_and_not_to_a_workspace(session_registry: Registry) -> None:
    other = session_registry.all_workspaces().workspace("other")
    assert other.meta.mark("key", "theirs")
    assert not session_registry.meta.mark("key", "ours")
    entry = session_registry.meta.get("key")
    assert entry is not None
    assert entry.value == "theirs"


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py


def calls(registry: Registry) -> None:
    registry.meta.set("k", "v")
    registry.meta.mark("k", "v")
    registry.meta.get("k")
    registry.meta.list()
    registry.meta.delete("k")
