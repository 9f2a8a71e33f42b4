from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.importers import UnreadableSource, import_legacy


def test_an_agent_keeps_everything_that_overstory_knew(session_registry: Registry, overstory: Path) -> None:
    report = import_legacy(session_registry, overstory)
    assert (report.kind, report.imported, report.malformed) == ("overstory", {"agents": 2}, ())
    agent = session_registry.agents.get("builder")
    assert agent is not None
    assert (agent.agent_id, agent.capability, agent.worktree, agent.branch, agent.task_id, agent.terminal) == (
        "a-1",
        "builder",
        "/w/builder",
        "overstory/builder",
        "bead-7",
        "overstory-builder",
    )
    assert (agent.state, agent.pid, agent.parent, agent.depth, agent.run_id) == ("stalled", 4711, "lead", 2, "run-1")
    assert agent.started_at == datetime(2026, 2, 9, 1, 20, tzinfo=UTC)
    assert agent.last_activity_at == datetime(2026, 2, 9, 1, 25, tzinfo=UTC)
    assert (agent.escalation_level, agent.stalled_since) == (1, datetime(2026, 2, 9, 1, 24, tzinfo=UTC))


def test_what_an_agent_does_not_say_gets_the_defaults(session_registry: Registry, overstory: Path) -> None:
    import_legacy(session_registry, overstory)
    agent = session_registry.agents.get("lead")
    assert agent is not None
    assert (agent.pid, agent.parent, agent.depth, agent.run_id, agent.escalation_level) == (None, None, 0, None, 0)
    assert agent.last_activity_at == agent.started_at == datetime(2026, 2, 9, 1, tzinfo=UTC)


def test_an_object_of_agents_names_them_by_key(session_registry: Registry, overstory: Path) -> None:
    overstory.write_text('{"lead": {"state": "working"},\n "x": {"agentName": "builder"},\n "bad": 7}')
    report = import_legacy(session_registry, overstory)
    assert report.imported == {"agents": 2}
    assert [malformed.line for malformed in report.malformed] == [3]
    assert sorted(agent.name for agent in session_registry.agents.all()) == ["builder", "lead"]


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (None, "record=None"),
        ("x", "record='x'"),
        ({}, "agentName=None: is missing"),
        ({"agentName": ""}, "agentName=''"),
        ({"agentName": "a", "state": "sleeping"}, "state='sleeping'"),
        ({"agentName": "a", "state": ["working"]}, "state=['working']"),
        ({"agentName": "a", "pid": 1.5}, "pid=1.5"),
        ({"agentName": "a", "depth": -1}, "depth=-1"),
        ({"agentName": "a", "capability": "\udc00"}, "capability="),
        ({"agentName": "a", "parentAgent": 0}, "parentAgent=0"),
        ({"agentName": "a", "worktreePath": "x" * 10_000_000}, "worktreePath="),
        ({"agentName": "a", "stalledSince": {}}, "stalledSince={}"),
    ],
)
def test_a_malformed_agent_is_named_and_the_others_come(
    session_registry: Registry, overstory: Path, agent: Any, reason: str
) -> None:
    overstory.write_text(f'[\n{{"agentName": "one"}},\n\n{json.dumps(agent)},\n{{"agentName": "two"}}]')
    report = import_legacy(session_registry, overstory)
    (malformed,) = report.malformed
    assert (malformed.file, malformed.line) == (str(overstory), 4)
    assert reason in malformed.reason
    assert sorted(found.name for found in session_registry.agents.all()) == ["one", "two"]


def test_of_two_agents_of_one_name_the_last_counts(session_registry: Registry, overstory: Path) -> None:
    overstory.write_text('[{"agentName": "a", "depth": 1}, {"agentName": "a", "depth": 2}]')
    report = import_legacy(session_registry, overstory)
    assert (report.imported, report.repeated) == ({"agents": 1}, {"agents": 1})
    (agent,) = session_registry.agents.all()
    assert agent.depth == 2


@pytest.mark.parametrize("content", ["", "[", "7", "null", '"text"', "[{},]"])
def test_a_file_that_is_no_store_stops_the_import(session_registry: Registry, overstory: Path, content: str) -> None:
    overstory.write_text(content)
    with pytest.raises(UnreadableSource, match=r"sessions\.json, line 1") as caught:
        import_legacy(session_registry, overstory)
    assert caught.value.line == 1
    assert session_registry.meta.list() == []
