"""The jobs store: runs, their steps, and which repeats which.

For example:

    registry.jobs.upsert("run-1", job_id="nightly", state="failed", scheduled_at=datetime.now(UTC))
    registry.jobs.upsert(
        "run-2", job_id="nightly", state="running", scheduled_at=datetime.now(UTC), attempt=2, retry_of="run-1"
    )
    registry.jobs.upsert_step("run-2", 0, target_type="agent", target_id="builder", state="done", exit_code=0)
    assert [run.run_id for run in registry.jobs.retry_chain("run-2")] == ["run-2", "run-1"]
"""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, instant_text, json_as_given, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["JobRun", "JobStep", "Jobs"]


def _exit_code(name: str, value: Any) -> int:
    return whole(name, value, least=-(1 << 31))


class JobRun(Record):
    """One attempt at a job.

    run_id: unique in its workspace.
    job_id: as given.
    attempt: counts from 1.
    state: the scheduler's word.
    scheduled_at: aware instant.
    started_at: aware instant.
    finished_at: aware instant.
    duration_ms: milliseconds.
    created_at: aware instant.
    pid: the process that works on it.
    process_started_at: aware instant.
    input: JSON text as given.
    retry_of: the run that this one repeats.
    knowledge_metrics: JSON text as given.
    resolved_crew: as given.
    planner_model: as given.
    implementer_model: as given.
    reviewer_model: as given.
    pipeline_state: JSON text as given.
    """

    run_id: str = field(identifier)
    job_id: str = field(identifier)
    attempt: int = field(whole)
    state: str = field(identifier)
    scheduled_at: datetime = field(instant_text, from_text)
    started_at: datetime | None = field(instant_text, from_text)
    finished_at: datetime | None = field(instant_text, from_text)
    duration_ms: int | None = field(whole)
    created_at: datetime = field(instant_text, from_text)
    pid: int | None = field(whole)
    process_started_at: datetime | None = field(instant_text, from_text)
    input: str | None = field(json_as_given)
    retry_of: str | None = field(identifier)
    knowledge_metrics: str | None = field(json_as_given)
    resolved_crew: str | None = field(text)
    planner_model: str | None = field(text)
    implementer_model: str | None = field(text)
    reviewer_model: str | None = field(text)
    pipeline_state: str | None = field(json_as_given)


class JobStep(Record):
    """One step of a job run.

    run_id: the run's.
    step: its number in the run, from 0.
    target_type: as given.
    target_id: as given.
    state: the scheduler's word.
    started_at: aware instant.
    finished_at: aware instant.
    duration_ms: milliseconds.
    exit_code: as given.
    error_code: as given.
    error_message: as given.
    agent_response: JSON text as given.
    """

    run_id: str = field(identifier)
    step: int = field(whole)
    target_type: str = field(identifier)
    target_id: str = field(identifier)
    state: str = field(identifier)
    started_at: datetime | None = field(instant_text, from_text)
    finished_at: datetime | None = field(instant_text, from_text)
    duration_ms: int | None = field(whole)
    exit_code: int | None = field(_exit_code)
    error_code: str | None = field(text)
    error_message: str | None = field(text)
    agent_response: str | None = field(json_as_given)


_RUNS = Table("job_runs", JobRun)
_STEPS = Table("job_steps", JobStep)
# What `upsert` and `upsert_step` name in their signatures; the other fields are optional.
_RUN_NAMED = ("run_id", "job_id", "attempt", "state", "scheduled_at")
_STEP_NAMED = ("run_id", "step", "target_type", "target_id", "state")
_SELECT_RUN = f"SELECT {_RUNS.columns} FROM job_runs WHERE workspace_id = ?"
_SELECT_STEPS = f"SELECT {_STEPS.columns} FROM job_steps WHERE workspace_id = ? AND run_id = ? ORDER BY step"
_UPSERT_RUN = (
    f"INSERT INTO job_runs (workspace_id, {_RUNS.columns}) VALUES (:workspace_id, {_RUNS.values}) "
    f"ON CONFLICT (workspace_id, run_id) DO UPDATE SET {_RUNS.replacements('run_id', 'created_at')}"
)
_UPSERT_STEP = (
    f"INSERT INTO job_steps (workspace_id, {_STEPS.columns}) VALUES (:workspace_id, {_STEPS.values}) "
    f"ON CONFLICT (workspace_id, run_id, step) DO UPDATE SET {_STEPS.replacements('run_id', 'step')}"
)
_NEWEST_FIRST = " ORDER BY scheduled_at DESC, run_id DESC LIMIT ?"


class Jobs(Store):
    """`registry.jobs`. States are the scheduler's own words."""

    __slots__ = ()

    def upsert(
        self, run_id: str, *, job_id: str, state: str, scheduled_at: datetime, attempt: int = 1, **fields: Any
    ) -> None:
        """Insert a job run, or replace the one of that id; `created_at` and the steps stay.

        fields: started_at, finished_at, duration_ms, created_at, pid, process_started_at, input, retry_of,
        knowledge_metrics, resolved_crew, planner_model, implementer_model, reviewer_model, pipeline_state. Of these
        input, knowledge_metrics and pipeline_state are JSON text, kept to the byte.
        """
        given = {name: value for name, value in fields.items() if name != "created_at" or value is not None}
        values = {
            **_RUNS.empty(),
            "created_at": now(),
            **_RUNS.check_all(given, but=_RUN_NAMED),
            **self._row(_RUNS, run_id=run_id, job_id=job_id, attempt=attempt, state=state, scheduled_at=scheduled_at),
        }
        created = ", created_at = excluded.created_at" if "created_at" in given else ""
        self._write(_UPSERT_RUN + created, values)

    def set_state(self, run_id: str, state: str, **fields: Any) -> bool:
        """Change the state, and any of `upsert`'s fields with it; False if there is no such run."""
        changes = {"state": identifier("state", state), **_RUNS.check_all(fields, but=_RUN_NAMED)}
        return (
            self._write(
                f"UPDATE job_runs SET {', '.join(f'{name} = ?' for name in changes)} "
                "WHERE workspace_id = ? AND run_id = ?",
                (*changes.values(), self._workspace, identifier("run_id", run_id)),
            )
            > 0
        )

    def get(self, run_id: str) -> JobRun | None:
        """The run, or None."""
        return _RUNS.first(self._read(_SELECT_RUN + " AND run_id = ?", (self._workspace, identifier("run_id", run_id))))

    def by_job(self, job_id: str, *, limit: int | None = None) -> list[JobRun]:
        """The job's runs, the newest first."""
        most = -1 if limit is None else whole("limit", limit)
        return _RUNS.records(
            self._read(
                _SELECT_RUN + " AND job_id = ?" + _NEWEST_FIRST, (self._workspace, identifier("job_id", job_id), most)
            )
        )

    def by_state(self, state: str, *, limit: int | None = None) -> list[JobRun]:
        """The runs in a state, the newest first."""
        most = -1 if limit is None else whole("limit", limit)
        return _RUNS.records(
            self._read(
                _SELECT_RUN + " AND state = ?" + _NEWEST_FIRST, (self._workspace, identifier("state", state), most)
            )
        )

    def retry_chain(self, run_id: str) -> list[JobRun]:
        """The run, the one that it repeats, the one that that repeats, and so on; empty if there is no such run."""
        chain: list[JobRun] = []
        seen: set[str] = set()
        wanted: str | None = identifier("run_id", run_id)
        while wanted is not None and wanted not in seen:
            seen.add(wanted)
            run = self.get(wanted)
            if run is None:
                break
            chain.append(run)
            wanted = run.retry_of
        return chain

    def remove(self, run_id: str) -> bool:
        """Delete a run with its steps; False if there is none."""
        return (
            self._write(
                "DELETE FROM job_runs WHERE workspace_id = ? AND run_id = ?",
                (self._workspace, identifier("run_id", run_id)),
            )
            > 0
        )

    def upsert_step(
        self, run_id: str, step: int, *, target_type: str, target_id: str, state: str, **fields: Any
    ) -> None:
        """Insert a step of a run, or replace the one of that number. Raises NotFound for an unknown run.

        fields: started_at, finished_at, duration_ms, exit_code, error_code, error_message, agent_response,
        which is JSON text, kept to the byte.
        """
        values = {
            **_STEPS.empty(),
            **_STEPS.check_all(fields, but=_STEP_NAMED),
            **self._row(_STEPS, run_id=run_id, step=step, target_type=target_type, target_id=target_id, state=state),
        }
        self._write(_UPSERT_STEP, values)

    def steps(self, run_id: str) -> list[JobStep]:
        """The run's steps in their order."""
        return _STEPS.records(self._read(_SELECT_STEPS, (self._workspace, identifier("run_id", run_id))))
