from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.errors import InvalidValue, NotFound
from pytest_sessionreg.registry.workspace import Workspace

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUN_FIELDS: dict[str, Any] = {
    "started_at": START + MINUTE,
    "finished_at": START + 2 * MINUTE,
    "duration_ms": 60_000,
    "created_at": START - MINUTE,
    "pid": 42,
    "process_started_at": START,
    "input": '{"a": 1}',
    "retry_of": "zero",
    "knowledge_metrics": "{}",
    "resolved_crew": "crew",
    "planner_model": "p",
    "implementer_model": "i",
    "reviewer_model": "r",
    "pipeline_state": "[]",
}
STEP_FIELDS: dict[str, Any] = {
    "started_at": START,
    "finished_at": START + MINUTE,
    "duration_ms": 60_000,
    "exit_code": -9,
    "error_code": "E1",
    "error_message": "killed",
    "agent_response": "{}",
}


def upsert(registry: Registry, run_id: str, at: datetime = START, **fields: Any) -> None:
    registry.jobs.upsert(run_id, **{"job_id": "job", "state": "queued", "scheduled_at": at, **fields})


def step(registry: Registry, run_id: str, number: int, **fields: Any) -> None:
    registry.jobs.upsert_step(
        run_id, number, **{"target_type": "agent", "target_id": "ann", "state": "running", **fields}
    )


def test_a_run_can_be_read_back(session_registry: Registry) -> None:
    upsert(session_registry, "one", attempt=3, **RUN_FIELDS)
    run = session_registry.jobs.get("one")
    assert run is not None
    assert (run.run_id, run.job_id, run.state, run.attempt, run.scheduled_at) == ("one", "job", "queued", 3, START)
    assert {name: getattr(run, name) for name in RUN_FIELDS} == RUN_FIELDS
    assert session_registry.jobs.get("nobody") is None


def test_upserting_replaces_a_run_but_not_its_creation_nor_its_steps(
    session_registry: Registry, let_pass: Callable[[timedelta], None]
) -> None:
    upsert(session_registry, "one", input="{}", pid=1)
    first = session_registry.jobs.get("one")
    step(session_registry, "one", 0)
    let_pass(MINUTE)
    upsert(session_registry, "one", START + MINUTE, state="running", attempt=2)
    second = session_registry.jobs.get("one")
    assert first is not None
    assert second is not None
    assert (second.state, second.attempt, second.input, second.pid) == ("running", 2, None, None)
    assert second.scheduled_at == START + MINUTE
    assert second.created_at == first.created_at
    assert len(session_registry.jobs.steps("one")) == 1


def test_a_creation_that_is_given_is_kept(session_registry: Registry) -> None:
    upsert(session_registry, "one")
    upsert(session_registry, "one", created_at=START)
    upsert(session_registry, "one")
    run = session_registry.jobs.get("one")
    assert run is not None
    assert run.created_at == START


def test_a_change_of_state_takes_fields_with_it_and_leaves_the_rest(session_registry: Registry) -> None:
    upsert(session_registry, "one", pid=42, input="{}")
    assert session_registry.jobs.set_state("one", "failed", finished_at=START, duration_ms=5, pid=None)
    run = session_registry.jobs.get("one")
    assert run is not None
    assert (run.state, run.finished_at, run.duration_ms, run.pid, run.input) == ("failed", START, 5, None, "{}")
    assert not session_registry.jobs.set_state("nobody", "failed")


@pytest.mark.parametrize(
    ("field", "value"),
    [("created_at", None), ("steps", 1), ("attempt", 2), ("duration_ms", -1), ("pid", "7"), ("started_at", "now")],
)
def test_a_bad_field_of_a_change_is_named_and_nothing_changes(
    session_registry: Registry, field: str, value: Any
) -> None:
    upsert(session_registry, "one")
    before = session_registry.jobs.get("one")
    with pytest.raises(InvalidValue, match=field):
        session_registry.jobs.set_state("one", "failed", **{field: value})
    assert session_registry.jobs.get("one") == before


def test_runs_are_found_by_job_and_by_state_the_newest_first(session_registry: Registry) -> None:
    upsert(session_registry, "old", START)
    upsert(session_registry, "b", START + MINUTE, state="running")
    upsert(session_registry, "c", START + MINUTE)
    upsert(session_registry, "x", START + 2 * MINUTE, job_id="other")
    jobs = session_registry.jobs
    assert [run.run_id for run in jobs.by_job("job")] == ["c", "b", "old"]
    assert [run.run_id for run in jobs.by_job("job", limit=2)] == ["c", "b"]
    assert [run.run_id for run in jobs.by_state("queued")] == ["x", "c", "old"]
    assert [run.run_id for run in jobs.by_state("queued", limit=1)] == ["x"]
    assert jobs.by_job("nobody") == []
    assert jobs.by_state("nobody") == []
    assert jobs.by_job("job", limit=0) == []
    with pytest.raises(InvalidValue, match="limit"):
        jobs.by_state("queued", limit=-1)


NO_JSON = ["", "a", "{", "{'a': 1}", "NaN", '{"a": Infinity}', "[1]]", "[" * 100_000, '"\0"', {}, 7, b"{}"]


@pytest.mark.parametrize("value", NO_JSON)
@pytest.mark.parametrize("field", ["input", "knowledge_metrics", "pipeline_state"])
def test_what_is_no_json_is_refused_and_nothing_changes(session_registry: Registry, field: str, value: Any) -> None:
    upsert(session_registry, "one")
    before = session_registry.jobs.get("one")
    with pytest.raises(InvalidValue, match=f"{field}=.*must be"):
        upsert(session_registry, "one", **{field: value})
    with pytest.raises(InvalidValue, match=f"{field}=.*must be"):
        session_registry.jobs.set_state("one", "failed", **{field: value})
    assert session_registry.jobs.get("one") == before


@pytest.mark.parametrize("value", NO_JSON)
def test_a_response_that_is_no_json_is_refused(session_registry: Registry, value: Any) -> None:
    upsert(session_registry, "one")
    with pytest.raises(InvalidValue, match=r"agent_response=.*must be"):
        step(session_registry, "one", 0, agent_response=value)
    assert session_registry.jobs.steps("one") == []


@pytest.mark.parametrize("value", ["null", ' {"b":1,\n "a": 1.0}\n', '"ü"', "-0", "[]"])
def test_json_is_kept_to_the_byte(session_registry: Registry, value: str) -> None:
    upsert(session_registry, "one", input=value, knowledge_metrics=value, pipeline_state=value)
    step(session_registry, "one", 0, agent_response=value)
    run = session_registry.jobs.get("one")
    (found,) = session_registry.jobs.steps("one")
    assert run is not None
    assert {run.input, run.knowledge_metrics, run.pipeline_state, found.agent_response} == {value}


def test_the_retry_chain_leads_to_the_first_attempt(session_registry: Registry) -> None:
    upsert(session_registry, "one")
    upsert(session_registry, "two", retry_of="one")
    upsert(session_registry, "three", retry_of="two")
    assert [run.run_id for run in session_registry.jobs.retry_chain("three")] == ["three", "two", "one"]
    assert [run.run_id for run in session_registry.jobs.retry_chain("one")] == ["one"]
    assert session_registry.jobs.retry_chain("nobody") == []


def test_a_retry_chain_ends_where_a_run_is_missing(session_registry: Registry) -> None:
    upsert(session_registry, "two", retry_of="pruned")
    assert [run.run_id for run in session_registry.jobs.retry_chain("two")] == ["two"]


@pytest.mark.parametrize("cycle", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_a_retry_chain_that_is_a_cycle_ends(session_registry: Registry, cycle: list[str]) -> None:
    for name, earlier in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
        upsert(session_registry, name, retry_of=earlier)
    assert [run.run_id for run in session_registry.jobs.retry_chain("a")] == cycle


def test_a_step_can_be_read_back_in_the_order_of_numbers(session_registry: Registry) -> None:
    upsert(session_registry, "one")
    for number in (10, 2, 0):
        step(session_registry, "one", number, **STEP_FIELDS)
    steps = session_registry.jobs.steps("one")
    assert [found.step for found in steps] == [0, 2, 10]
    assert {name: getattr(steps[0], name) for name in STEP_FIELDS} == STEP_FIELDS
    assert (steps[0].run_id, steps[0].target_type, steps[0].target_id) == ("one", "agent", "ann")


def test_upserting_replaces_a_step(session_registry: Registry) -> None:
    upsert(session_registry, "one")
    step(session_registry, "one", 0, error_code="E1")
    step(session_registry, "one", 0, state="done", exit_code=0)
    (found,) = session_registry.jobs.steps("one")
    assert (found.state, found.exit_code, found.error_code) == ("done", 0, None)


def test_a_step_of_an_unknown_run_is_refused(session_registry: Registry) -> None:
    with pytest.raises(NotFound):
        step(session_registry, "nobody", 0)
    assert session_registry.jobs.steps("nobody") == []


def test_steps_go_with_their_run(session_registry: Registry) -> None:
    for name in ("one", "two"):
        upsert(session_registry, name)
        step(session_registry, name, 0)
    assert session_registry.jobs.remove("one")
    assert not session_registry.jobs.remove("one")
    assert session_registry.jobs.steps("one") == []
    upsert(session_registry, "one")
    assert session_registry.jobs.steps("one") == []
    assert len(session_registry.jobs.steps("two")) == 1


# -- what the tests of all stores do with this one: ../test_workspace.py and ../test_query_plans.py


def fill(of: Workspace) -> None:
    of.jobs.upsert("run", job_id="job", state="x", scheduled_at=START)
    of.jobs.upsert_step("run", 0, target_type="t", target_id="i", state="x")


def reads(of: Workspace) -> list[object]:
    return [of.jobs.get("run"), of.jobs.by_job("job"), of.jobs.by_state("x"), of.jobs.steps("run")]


def changes(of: Workspace) -> list[object]:
    return [of.jobs.set_state("run", "y"), of.jobs.remove("run")]


def calls(registry: Registry) -> None:
    store = registry.jobs
    store.upsert("r", job_id="j", state="queued", scheduled_at=START)
    store.set_state("r", "running", pid=1)
    store.get("r")
    store.by_job("j")
    store.by_job("j", limit=3)
    store.by_state("queued")
    store.by_state("queued", limit=3)
    store.retry_chain("r")
    store.upsert_step("r", 0, target_type="t", target_id="i", state="running")
    store.steps("r")
    store.remove("r")
