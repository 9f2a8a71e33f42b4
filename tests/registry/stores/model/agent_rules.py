"""What is done with agents and runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from pytest_sessionreg.registry.errors import InvalidValue
from pytest_sessionreg.registry.stores.agents import STATES, Agent, Transition
from pytest_sessionreg.registry.stores.runs import Run
from tests.registry.stores.model.sides import Sides, driving
from tests.registry.stores.model.strategies import IDS, SIDES


class AgentRules(Sides):
    @driving("agents")
    @rule(side=SIDES, name=IDS, state=st.sampled_from(STATES), run_id=st.none() | IDS)
    def upsert_agent(self, side: int, name: str, state: str, run_id: str | None) -> None:
        registry, world = self.at(side)
        registry.agents.upsert(name, agent_id="id", state=state, run_id=run_id)
        blank = ("", "", "", "", "")
        world.agents[name] = Agent(
            name, "id", *blank, state, None, None, 0, run_id, self.now, self.now, escalation_level=0, stalled_since=None
        )

    @driving("agents")
    @rule(side=SIDES, name=IDS, to=st.sampled_from(STATES), force=st.booleans())
    def change_agent(self, side: int, name: str, to: str, force: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
        registry, world = self.at(side)
        agent = world.agents.get(name)
        if force:
            assert registry.agents.set_state(name, to) == (agent is not None)
            changed = True
        else:
            found = None if agent is None else agent.state
            changed = (
                found not in (None, "completed", to) and to != "booting" and (found != "zombie" or to == "completed")
            )
            assert registry.agents.transition(name, to) == Transition(changed=changed, found=found)
        if agent is not None and changed:
            world.agents[name] = replace(agent, state=to, last_activity_at=self.now)

    @driving("agents")
    @rule(side=SIDES, name=IDS, level=st.integers(0, 2))
    def worry_about_agent(self, side: int, name: str, level: int) -> None:
        registry, world = self.at(side)
        since = self.now if level else None
        known = name in world.agents
        assert registry.agents.escalation(name, level, since) == registry.agents.activity(name) == known
        if known:
            world.agents[name] = replace(
                world.agents[name], escalation_level=level, stalled_since=since, last_activity_at=self.now
            )

    @driving("agents")
    @rule(side=SIDES, name=IDS)
    def remove_agent(self, side: int, name: str) -> None:
        registry, world = self.at(side)
        assert registry.agents.remove(name) == (world.agents.pop(name, None) is not None)

    @driving("agents")
    @rule(side=SIDES, purge=st.sampled_from([{"all": True}, {"agent": "a"}, *({"state": state} for state in STATES)]))
    def purge_agents(self, side: int, purge: dict[str, Any]) -> None:
        registry, world = self.at(side)
        gone = [
            name
            for name, agent in world.agents.items()
            if purge.get("all") or agent.name == purge.get("agent") or agent.state == purge.get("state")
        ]
        assert registry.agents.purge(**purge) == len(gone)
        for name in gone:
            del world.agents[name]

    @driving("runs")
    @rule(side=SIDES, run_id=IDS)
    def create_run(self, side: int, run_id: str) -> None:
        registry, world = self.at(side)
        if run_id in world.runs:
            with pytest.raises(InvalidValue, match="taken"):
                registry.runs.create(run_id=run_id)
        else:
            world.runs[run_id] = Run(run_id, "active", None, 0, self.now, None)
            assert registry.runs.create(run_id=run_id) == world.runs[run_id]

    @driving("runs")
    @rule(side=SIDES, run_id=IDS, complete=st.booleans())
    def change_run(self, side: int, run_id: str, complete: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
        registry, world = self.at(side)
        run = world.runs.get(run_id)
        if complete:
            active = run is not None and run.status == "active"
            assert registry.runs.complete(run_id) == active
            if run is not None and active:
                world.runs[run_id] = replace(run, status="completed", completed_at=self.now)
        else:
            assert registry.runs.count_agent(run_id) == (run is not None)
            if run is not None:
                world.runs[run_id] = replace(run, agent_count=run.agent_count + 1)
