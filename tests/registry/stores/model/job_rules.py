"""What is done with jobs, learning and meta."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from pytest_sessionreg.registry.errors import NotFound
from pytest_sessionreg.registry.stores.jobs import JobRun, JobStep
from pytest_sessionreg.registry.stores.learning import LearningState
from pytest_sessionreg.registry.stores.meta import MetaEntry
from tests.registry.stores.model.sides import Sides, driving
from tests.registry.stores.model.strategies import IDS, KEYS, SIDES, VALUES


class JobRules(Sides):
    @driving("jobs")
    @rule(side=SIDES, run_id=IDS, job_id=KEYS, state=KEYS, retry_of=st.none() | IDS)
    def upsert_job(self, side: int, run_id: str, job_id: str, state: str, retry_of: str | None) -> None:
        registry, world = self.at(side)
        registry.jobs.upsert(run_id, job_id=job_id, state=state, scheduled_at=self.now, retry_of=retry_of)
        known = world.jobs.get(run_id)
        created_at = self.now if known is None else known.created_at
        world.jobs[run_id] = JobRun(
            run_id, job_id, 1, state, self.now, None, None, None, created_at, None, None, None, retry_of, *[None] * 6
        )

    @driving("jobs")
    @rule(side=SIDES, run_id=IDS, state=KEYS)
    def set_job_state(self, side: int, run_id: str, state: str) -> None:
        registry, world = self.at(side)
        known = run_id in world.jobs
        assert registry.jobs.set_state(run_id, state, finished_at=self.now) == known
        if known:
            world.jobs[run_id] = replace(world.jobs[run_id], state=state, finished_at=self.now)

    @driving("jobs")
    @rule(side=SIDES, run_id=IDS, number=st.integers(0, 2), state=KEYS)
    def upsert_step(self, side: int, run_id: str, number: int, state: str) -> None:
        registry, world = self.at(side)
        given = {"target_type": "t", "target_id": "i", "state": state}
        if run_id in world.jobs:
            registry.jobs.upsert_step(run_id, number, **given)
            world.steps[run_id, number] = JobStep(run_id, number, "t", "i", state, *[None] * 7)
        else:
            with pytest.raises(NotFound):
                registry.jobs.upsert_step(run_id, number, **given)

    @driving("jobs")
    @rule(side=SIDES, run_id=IDS)
    def remove_job(self, side: int, run_id: str) -> None:
        registry, world = self.at(side)
        assert registry.jobs.remove(run_id) == (world.jobs.pop(run_id, None) is not None)
        world.steps = {key: step for key, step in world.steps.items() if key[0] != run_id}

    @driving("learning")
    @rule(side=SIDES, session_id=IDS, state=VALUES, remove=st.booleans())
    def learn(self, side: int, session_id: str, state: Any, remove: bool) -> None:  # noqa: FBT001  hypothesis passes it by name
        registry, world = self.at(side)
        if remove:
            assert registry.learning.remove(session_id) == (world.learning.pop(session_id, None) is not None)
        else:
            registry.learning.put(session_id, state)
            world.learning[session_id] = LearningState(session_id, state, self.now)

    @driving("meta")
    @rule(side=SIDES, key=KEYS, value=IDS, how=st.sampled_from(["set", "mark", "delete"]))
    def change_meta(self, side: int, key: str, value: str, how: str) -> None:
        registry, _ = self.at(side)
        known = key in self.meta
        if how == "delete":
            assert registry.meta.delete(key) == known
            self.meta.pop(key, None)
            return
        if how == "set":
            registry.meta.set(key, value)
        else:
            assert registry.meta.mark(key, value) != known
        if how == "set" or not known:
            self.meta[key] = MetaEntry(key, value, self.now)
