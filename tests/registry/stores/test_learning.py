from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.workspace import Workspace

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("state", [{}, {"seen": ["L1", "L2"], "ü": {"n": None}}, [], None, 3, "text"])
def test_a_state_comes_back_as_it_was_put(session_registry: Registry, state: Any) -> None:
    session_registry.learning.put("one", state)
    found = session_registry.learning.get("one")
    assert found is not None
    assert (found.session_id, found.state) == ("one", state)


def test_a_second_state_replaces_the_first(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    session_registry.learning.put("one", 1)
    first = session_registry.learning.get("one")
    let_pass(SECOND)
    session_registry.learning.put("one", 2)
    (second,) = session_registry.learning.list()
    assert first is not None
    assert (second.state, second.updated_at) == (2, first.updated_at + SECOND)


def test_states_are_listed_the_longest_untouched_first(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    for name in ("c", "b", "a"):
        session_registry.learning.put(name, 0)
    let_pass(SECOND)
    session_registry.learning.put("a", 1)
    assert [state.session_id for state in session_registry.learning.list()] == ["b", "c", "a"]


def test_a_state_needs_no_session_and_outlives_it(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    session_registry.learning.put("one", 1)
    session_registry.sessions.remove("one")
    assert session_registry.learning.get("one") is not None


def test_removing_says_whether_there_was_one(session_registry: Registry) -> None:
    session_registry.learning.put("one", 1)
    assert session_registry.learning.remove("one")
    assert not session_registry.learning.remove("one")
    assert session_registry.learning.get("one") is None
    assert session_registry.learning.list() == []


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py


def fill(of: Workspace) -> None:
    of.learning.put("one", of.workspace_id)


def reads(of: Workspace) -> list[object]:
    return [of.learning.get("one"), of.learning.list()]


def changes(of: Workspace) -> list[object]:
    return [of.learning.remove("one")]


def calls(registry: Registry) -> None:
    registry.learning.put("s", {})
    registry.learning.get("s")
    registry.learning.list()
    registry.learning.remove("s")
