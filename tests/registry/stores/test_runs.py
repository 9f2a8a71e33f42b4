from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue
from pytest_sessionreg.registry.workspace import Workspace

SECOND = timedelta(seconds=1)


def test_a_run_is_created_active_and_can_be_read_back(session_registry: Registry) -> None:
    run = session_registry.runs.create(description="nightly")
    assert (run.status, run.description, run.agent_count, run.completed_at) == ("active", "nightly", 0, None)
    assert session_registry.runs.get(run.run_id) == run
    assert session_registry.runs.get("nobody") is None


@pytest.mark.usefixtures("let_pass")
def test_generated_ids_differ_and_order_the_runs_of_one_instant(session_registry: Registry) -> None:
    made = [session_registry.runs.create().run_id for _ in range(20)]
    assert made == sorted(set(made))
    assert [run.run_id for run in session_registry.runs.list()] == made[::-1]
    active = session_registry.runs.active()
    assert active is not None
    assert active.run_id == made[-1]


def test_an_id_that_is_taken_is_refused_and_the_run_stays(session_registry: Registry) -> None:
    first = session_registry.runs.create(run_id="one", description="first")
    with pytest.raises(InvalidValue, match="taken"):
        session_registry.runs.create(run_id="one", description="second")
    assert session_registry.runs.list() == [first]


def test_the_active_run_is_the_latest_that_is_not_completed(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    assert session_registry.runs.active() is None
    for name in ("b", "a"):
        session_registry.runs.create(run_id=name)
        let_pass(SECOND)
    for expected in ("a", "b"):
        active = session_registry.runs.active()
        assert active is not None
        assert active.run_id == expected
        session_registry.runs.complete(expected)
    assert session_registry.runs.active() is None


def test_runs_are_listed_the_newest_first_up_to_a_limit(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    for name in ("b", "c", "a"):
        session_registry.runs.create(run_id=name)
        let_pass(SECOND)
    assert [run.run_id for run in session_registry.runs.list()] == ["a", "c", "b"]
    assert [run.run_id for run in session_registry.runs.list(limit=2)] == ["a", "c"]
    assert session_registry.runs.list(limit=0) == []
    with pytest.raises(InvalidValue, match="limit"):
        session_registry.runs.list(limit=-1)


def test_agents_are_counted(session_registry: Registry) -> None:
    session_registry.runs.create(run_id="one")
    session_registry.runs.create(run_id="two")
    assert session_registry.runs.count_agent("one")
    assert session_registry.runs.count_agent("one")
    assert not session_registry.runs.count_agent("nobody")
    assert {run.run_id: run.agent_count for run in session_registry.runs.list()} == {"one": 2, "two": 0}


def test_a_run_completes_once(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    session_registry.runs.create(run_id="one")
    let_pass(SECOND)
    assert session_registry.runs.complete("one")
    first = session_registry.runs.get("one")
    let_pass(SECOND)
    assert not session_registry.runs.complete("one")
    assert not session_registry.runs.complete("nobody")
    assert first is not None
    assert first.status == "completed"
    assert first.completed_at == first.started_at + SECOND
    assert session_registry.runs.get("one") == first


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py


def fill(of: Workspace) -> None:
    of.runs.create(run_id="run")


def reads(of: Workspace) -> list[object]:
    return [of.runs.get("run"), of.runs.list(), of.runs.active()]


def changes(of: Workspace) -> list[object]:
    return [of.runs.count_agent("run"), of.runs.complete("run")]


def calls(registry: Registry) -> None:
    registry.runs.create(run_id="r")
    registry.runs.get("r")
    registry.runs.active()
    registry.runs.list()
    registry.runs.list(limit=3)
    registry.runs.count_agent("r")
    registry.runs.complete("r")
