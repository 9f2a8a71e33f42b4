from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import NotFound
from pytest_sessionreg.registry.workspace import Workspace


@pytest.fixture
def registry(session_registry: Registry) -> Registry:
    for session_id in ("parent", "other", "one", "two"):
        session_registry.sessions.register(session_id)
    return session_registry


def test_a_link_can_be_read_back(registry: Registry) -> None:
    registry.worktrees.link("one", "parent", purpose="fix the build")
    link = registry.worktrees.get("one")
    assert link is not None
    assert (link.child_id, link.parent_id, link.purpose) == ("one", "parent", "fix the build")
    assert (link.result_status, link.result_payload, link.finished_at) == (None, None, None)


def test_children_of_equal_instants_come_by_id(registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    registry.worktrees.link("two", "parent")
    registry.worktrees.link("one", "parent")
    assert [link.child_id for link in registry.worktrees.children("parent")] == ["one", "two"]
    let_pass(timedelta(microseconds=1))
    registry.worktrees.link("one", "parent")
    assert [link.child_id for link in registry.worktrees.children("parent")] == ["two", "one"]
    assert registry.worktrees.children("other") == []


@pytest.mark.parametrize("payload", [None, "text", {"files": ["a.py"], "ok": True}, []])
def test_a_result_is_kept(registry: Registry, let_pass: Callable[[timedelta], None], payload: Any) -> None:
    registry.worktrees.link("one", "parent")
    let_pass(timedelta(seconds=3))
    assert registry.worktrees.record_result("one", "done", payload)
    (link,) = registry.worktrees.children("parent")
    assert (link.result_status, link.result_payload) == ("done", payload)
    assert link.finished_at is not None
    assert link.finished_at - link.linked_at == timedelta(seconds=3)


def test_a_result_of_an_unlinked_child_changes_nothing(registry: Registry) -> None:
    assert not registry.worktrees.record_result("one", "done")
    assert registry.worktrees.get("one") is None


def test_a_child_that_is_linked_again_moves_and_its_result_is_forgotten(registry: Registry) -> None:
    registry.worktrees.link("one", "parent", purpose="first")
    registry.worktrees.record_result("one", "done", 1)
    registry.worktrees.link("one", "other")
    assert registry.worktrees.children("parent") == []
    (link,) = registry.worktrees.children("other")
    assert (link.purpose, link.result_status, link.result_payload, link.finished_at) == (None, None, None, None)


@pytest.mark.parametrize(("child", "parent"), [("nobody", "parent"), ("one", "nobody"), ("nobody", "nobody")])
def test_both_sessions_must_be_registered(registry: Registry, child: str, parent: str) -> None:
    with pytest.raises(NotFound):
        registry.worktrees.link(child, parent)
    assert registry.worktrees.get(child) is None


@pytest.mark.parametrize("gone", ["one", "parent"])
def test_a_link_goes_with_either_session(registry: Registry, gone: str) -> None:
    registry.worktrees.link("one", "parent")
    registry.worktrees.link("two", "other")
    registry.sessions.remove(gone)
    assert registry.worktrees.get("one") is None
    assert registry.worktrees.children("parent") == []
    assert len(registry.worktrees.children("other")) == 1


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py


def fill(of: Workspace) -> None:
    of.worktrees.link("one", "one")


def reads(of: Workspace) -> list[object]:
    return [of.worktrees.get("one"), of.worktrees.children("one")]


def changes(of: Workspace) -> list[object]:
    return [of.worktrees.record_result("one", "done")]


def calls(registry: Registry) -> None:
    registry.worktrees.link("s", "s")
    registry.worktrees.record_result("s", "done")
    registry.worktrees.get("s")
    registry.worktrees.children("s")
