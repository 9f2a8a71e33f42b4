"""The jobs store: runs of jobs, their steps, and which run repeats which."""

from __future__ import annotations

from datetime import datetime

from ..clock import from_optional, from_text, now
from ..errors import InvalidValue
from ..store import Store, converted
from ..values import identifier, instant_text, json_kept, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..records.job import JobRun, JobStep

__all__ = ["Jobs"]

_RUN_COLUMNS = (
    "run_id, job_id, attempt, state, scheduled_at, started_at, finished_at, duration_ms, created_at, pid, "
    "process_started_at, input, retry_of, knowledge_metrics, resolved_crew, planner_model, implementer_model, "
    "reviewer_model, pipeline_state"
)
_STEP_COLUMNS = (
    "run_id, step, target_type, target_id, state, started_at, finished_at, duration_ms, exit_code, error_code, "
    "error_message, agent_response"
)
_SELECT_RUN = f"SELECT {_RUN_COLUMNS} FROM job_runs WHERE workspace_id = ?"
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
        checked = _checked(fields, _RUN_CHECKS)
        created_at = checked.pop("created_at", None)
        columns = [name for name in _RUN_COLUMNS.split(", ") if name != "created_at"]
        values = {
            "run_id": identifier("run_id", run_id),
            "job_id": identifier("job_id", job_id),
            "attempt": whole("attempt", attempt),
            "state": identifier("state", state),
            "scheduled_at": instant_text("scheduled_at", scheduled_at),
            **checked,
        }
        self._write(
            f"INSERT INTO job_runs (workspace_id, created_at, {', '.join(columns)}) "
            f"VALUES (?, ifnull(?, ?), {', '.join('?' * len(columns))}) "
            "ON CONFLICT (workspace_id, run_id) DO UPDATE SET "
            + "".join(f"{name} = excluded.{name}, " for name in columns[1:])
            + "created_at = ifnull(?, created_at)",
            (self._workspace, created_at, now(), *(values.get(name) for name in columns), created_at),
        )

    def set_state(self, run_id: str, state: str, **fields: Any) -> bool:
        """Change the state, and any of `upsert`'s fields with it; False if there is no such run."""
        changes = {"state": identifier("state", state), **_checked(fields, _RUN_CHECKS)}
        if changes.get("created_at", "") is None:
            raise InvalidValue("created_at", None, "cannot be cleared")
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
        rows = self._read(_SELECT_RUN + " AND run_id = ?", (self._workspace, identifier("run_id", run_id)))
        return _run(rows[0]) if rows else None

    def by_job(self, job_id: str, *, limit: int | None = None) -> list[JobRun]:
        """The job's runs, the newest first."""
        most = -1 if limit is None else whole("limit", limit)
        rows = self._read(
            _SELECT_RUN + " AND job_id = ?" + _NEWEST_FIRST, (self._workspace, identifier("job_id", job_id), most)
        )
        return [_run(row) for row in rows]

    def by_state(self, state: str, *, limit: int | None = None) -> list[JobRun]:
        """The runs in a state, the newest first."""
        most = -1 if limit is None else whole("limit", limit)
        rows = self._read(
            _SELECT_RUN + " AND state = ?" + _NEWEST_FIRST, (self._workspace, identifier("state", state), most)
        )
        return [_run(row) for row in rows]

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
        columns = _STEP_COLUMNS.split(", ")
        values = {
            "run_id": identifier("run_id", run_id),
            "step": whole("step", step),
            "target_type": identifier("target_type", target_type),
            "target_id": identifier("target_id", target_id),
            "state": identifier("state", state),
            **_checked(fields, _STEP_CHECKS),
        }
        self._write(
            f"INSERT INTO job_steps (workspace_id, {_STEP_COLUMNS}) VALUES (?, {', '.join('?' * len(columns))}) "
            "ON CONFLICT (workspace_id, run_id, step) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in columns[2:]),
            (self._workspace, *(values.get(name) for name in columns)),
        )

    def steps(self, run_id: str) -> list[JobStep]:
        """The run's steps in their order."""
        rows = self._read(
            f"SELECT {_STEP_COLUMNS} FROM job_steps WHERE workspace_id = ? AND run_id = ? ORDER BY step",
            (self._workspace, identifier("run_id", run_id)),
        )
        return [_step(row) for row in rows]


def _checked(fields: dict[str, Any], checks: dict[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    for name, value in fields.items():
        if name not in checks:
            raise InvalidValue(name, value, f"is no field that can be set; these are {', '.join(checks)}")
    return {name: None if value is None else checks[name](name, value) for name, value in fields.items()}


def _exit_code(field: str, value: Any) -> int:
    return whole(field, value, least=-(1 << 31))


_RUN_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "started_at": instant_text,
    "finished_at": instant_text,
    "duration_ms": whole,
    "created_at": instant_text,
    "pid": whole,
    "process_started_at": instant_text,
    "input": json_kept,
    "retry_of": identifier,
    "knowledge_metrics": json_kept,
    "resolved_crew": text,
    "planner_model": text,
    "implementer_model": text,
    "reviewer_model": text,
    "pipeline_state": json_kept,
}
_STEP_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "started_at": instant_text,
    "finished_at": instant_text,
    "duration_ms": whole,
    "exit_code": _exit_code,
    "error_code": text,
    "error_message": text,
    "agent_response": json_kept,
}


_RUN_CONVERSIONS = ((4, from_text), (5, from_optional), (6, from_optional), (8, from_text), (10, from_optional))


def _run(row: tuple[Any, ...]) -> JobRun:
    from ..records.job import JobRun  # here, because dataclasses cost a cold start more than SQLite does

    return JobRun(*converted(row, _RUN_CONVERSIONS))


_STEP_CONVERSIONS = ((5, from_optional), (6, from_optional))


def _step(row: tuple[Any, ...]) -> JobStep:
    from ..records.job import JobStep  # here, because dataclasses cost a cold start more than SQLite does

    return JobStep(*converted(row, _STEP_CONVERSIONS))
