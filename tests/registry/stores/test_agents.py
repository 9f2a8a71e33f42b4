from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue
from pytest_sessionreg.registry.stores.agents import STATES, Transition
from pytest_sessionreg.registry.workspace import Workspace

SECOND = timedelta(seconds=1)
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


def names(registry: Registry, **query: str) -> list[str]:
    return [agent.name for agent in (registry.agents.by_run(**query) if query else registry.agents.all())]


def test_an_agent_can_be_read_back(session_registry: Registry) -> None:
    given: dict[str, Any] = {
        "agent_id": "id",
        "capability": "builder",
        "worktree": "/w",
        "branch": "b",
        "task_id": "t",
        "terminal": "tmux:1",
        "state": "stalled",
        "pid": 42,
        "parent": "lead",
        "depth": 2,
        "run_id": "run",
        "started_at": EARLIER,
        "escalation_level": 3,
        "stalled_since": EARLIER + SECOND,
    }
    session_registry.agents.upsert("ann", **given)
    agent = session_registry.agents.get("ann")
    assert agent is not None
    assert agent.name == "ann"
    assert {name: getattr(agent, name) for name in given} == given


def test_an_agent_of_nothing_but_a_name_is_booting(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.agents.upsert("ann")
    let_pass(SECOND)
    session_registry.agents.upsert("bob")
    ann, bob = session_registry.agents.all()
    assert (ann.state, ann.depth, ann.pid, ann.run_id, ann.stalled_since) == ("booting", 0, None, None, None)
    assert ann.agent_id < bob.agent_id
    assert bob.started_at - ann.started_at == SECOND


def test_upserting_replaces_all_of_an_agent(session_registry: Registry) -> None:
    session_registry.agents.upsert("ann", state="zombie", pid=1, capability="x", run_id="r", started_at=EARLIER)
    session_registry.agents.upsert("ann", state="working", agent_id="new", started_at=EARLIER + SECOND)
    (agent,) = session_registry.agents.all()
    assert (agent.state, agent.pid, agent.capability, agent.run_id) == ("working", None, "", None)
    assert (agent.agent_id, agent.started_at) == ("new", EARLIER + SECOND)


def test_active_agents_are_those_of_three_states_the_oldest_first(session_registry: Registry) -> None:
    for age, state in enumerate(STATES):
        session_registry.agents.upsert(state, state=state, started_at=EARLIER - age * SECOND)
    assert [agent.name for agent in session_registry.agents.active()] == ["stalled", "working", "booting"]
    assert names(session_registry) == ["zombie", "stalled", "completed", "working", "booting"]


def test_agents_of_one_instant_come_by_name(session_registry: Registry) -> None:
    for name in ("c", "a", "b"):
        session_registry.agents.upsert(name, run_id="run", started_at=EARLIER)
    assert names(session_registry) == ["a", "b", "c"]
    assert names(session_registry, run_id="run") == ["a", "b", "c"]
    assert [agent.name for agent in session_registry.agents.active()] == ["a", "b", "c"]


def test_agents_are_found_by_run_and_counted_by_state(session_registry: Registry) -> None:
    session_registry.agents.upsert("ann", run_id="one")
    session_registry.agents.upsert("bob", run_id="two", state="working")
    session_registry.agents.upsert("eve")
    assert names(session_registry, run_id="one") == ["ann"]
    assert names(session_registry, run_id="three") == []
    assert session_registry.agents.count() == 3
    assert session_registry.agents.count(state="booting") == 2
    assert session_registry.agents.count(state="zombie") == 0


@pytest.mark.parametrize(("found", "to"), list(product(STATES, STATES)))
def test_a_transition_follows_the_rule(session_registry: Registry, found: str, to: str) -> None:
    """Completed is final, a zombie can only be completed, booting is never re-entered, and staying is no change."""
    allowed = found not in ("completed", to) and to != "booting" and (found != "zombie" or to == "completed")
    session_registry.agents.upsert("ann", state=found)
    session_registry.agents.upsert("bob", state=found)
    assert session_registry.agents.transition("ann", to) == Transition(changed=allowed, found=found)
    ann, bob = session_registry.agents.all()
    assert ann.state == (to if allowed else found)
    assert bob.state == found


def test_a_refused_transition_is_no_activity(session_registry: Registry, let_pass: Callable[[timedelta], None]) -> None:
    session_registry.agents.upsert("ann", state="completed")
    session_registry.agents.upsert("bob", state="working")
    let_pass(SECOND)
    session_registry.agents.transition("ann", "working")
    session_registry.agents.transition("bob", "stalled")
    ann, bob = session_registry.agents.all()
    assert ann.last_activity_at == ann.started_at
    assert bob.last_activity_at == bob.started_at + SECOND


def test_a_transition_of_nobody_finds_nothing(session_registry: Registry) -> None:
    assert session_registry.agents.transition("nobody", "working") == Transition(changed=False, found=None)
    with pytest.raises(InvalidValue, match="to='sleeping'"):
        session_registry.agents.transition("nobody", "sleeping")


def test_a_transition_joins_a_transaction_that_is_rolled_back(session_registry: Registry) -> None:
    session_registry.agents.upsert("ann")
    with pytest.raises(KeyError), session_registry.transaction():
        assert session_registry.agents.transition("ann", "working").changed
        assert session_registry.agents.transition("ann", "completed").found == "working"
        raise KeyError
    assert session_registry.agents.transition("ann", "working").found == "booting"


def test_setting_the_state_asks_for_no_leave(session_registry: Registry) -> None:
    session_registry.agents.upsert("ann", state="completed")
    assert session_registry.agents.set_state("ann", "booting")
    assert session_registry.agents.count(state="booting") == 1
    assert not session_registry.agents.set_state("nobody", "booting")


def test_activity_and_escalation_change_their_own_fields(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    session_registry.agents.upsert("ann", state="working")
    before = session_registry.agents.get("ann")
    let_pass(SECOND)
    assert session_registry.agents.activity("ann")
    assert session_registry.agents.escalation("ann", 2, EARLIER)
    agent = session_registry.agents.get("ann")
    assert before is not None
    assert agent is not None
    assert agent.last_activity_at - before.last_activity_at == SECOND
    assert (agent.escalation_level, agent.stalled_since, agent.state) == (2, EARLIER, "working")
    assert session_registry.agents.escalation("ann", 0, None)
    agent = session_registry.agents.get("ann")
    assert agent is not None
    assert (agent.escalation_level, agent.stalled_since) == (0, None)


def test_an_unknown_agent_is_none_and_changes_nothing(session_registry: Registry) -> None:
    assert session_registry.agents.get("nobody") is None
    assert not session_registry.agents.activity("nobody")
    assert not session_registry.agents.escalation("nobody", 1, None)
    assert not session_registry.agents.remove("nobody")


def test_removing_takes_one(session_registry: Registry) -> None:
    session_registry.agents.upsert("ann")
    session_registry.agents.upsert("bob")
    assert session_registry.agents.remove("ann")
    assert names(session_registry) == ["bob"]


@pytest.mark.parametrize(
    ("purge", "left"),
    [
        ({"all": True}, []),
        ({"state": "completed"}, ["ann", "eve"]),
        ({"state": "zombie"}, ["ann", "bob", "dan", "eve"]),
        ({"agent": "eve"}, ["ann", "bob", "dan"]),
        ({"agent": "nobody"}, ["ann", "bob", "dan", "eve"]),
    ],
)
def test_a_purge_says_how_many(session_registry: Registry, purge: dict[str, Any], left: list[str]) -> None:
    for name, state in (("ann", "booting"), ("bob", "completed"), ("dan", "completed"), ("eve", "working")):
        session_registry.agents.upsert(name, state=state, started_at=EARLIER)
    assert session_registry.agents.purge(**purge) == 4 - len(left)
    assert names(session_registry) == left


@pytest.mark.parametrize(
    "purge", [{}, {"all": False}, {"all": True, "state": "zombie"}, {"state": "zombie", "agent": "ann"}, {"all": 1}]
)
def test_a_purge_of_unclear_meaning_deletes_nothing(session_registry: Registry, purge: dict[str, Any]) -> None:
    session_registry.agents.upsert("ann", state="zombie")
    with pytest.raises(InvalidValue, match="exactly one"):
        session_registry.agents.purge(**purge)
    assert session_registry.agents.count() == 1


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(of: Workspace) -> None:
    of.agents.upsert("ann", run_id="run")


def reads(of: Workspace) -> list[object]:
    return [of.agents.get("ann"), of.agents.all(), of.agents.by_run("run"), of.agents.count()]


def changes(of: Workspace) -> list[object]:
    return [
        of.agents.set_state("ann", "zombie"),
        of.agents.transition("ann", "working").changed,
        of.agents.activity("ann"),
        of.agents.escalation("ann", 1, None),
        of.agents.remove("ann"),
        of.agents.purge(all=True),
    ]


def calls(registry: Registry) -> None:
    store = registry.agents
    store.upsert("a", run_id="r")
    store.get("a")
    store.active()
    store.all()
    store.by_run("r")
    store.count()
    store.count(state="working")
    store.set_state("a", "stalled")
    store.transition("a", "working")
    store.activity("a")
    store.escalation("a", 1, START)
    store.remove("a")
    store.purge(agent="a")
    store.purge(state="zombie")
    store.purge(all=True)
