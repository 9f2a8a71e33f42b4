"""The records of job runs and their steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["JobRun", "JobStep"]


@dataclass(frozen=True, slots=True)
class JobRun:
    """One attempt at a job.

    state: the scheduler's word. retry_of: the run that this one repeats. input, knowledge_metrics, pipeline_state: JSON
    text as given. duration_ms: milliseconds. process_started_at, scheduled_at, started_at, finished_at, created_at:
    aware instants. The rest: as given.
    """

    run_id: str
    job_id: str
    attempt: int
    state: str
    scheduled_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    created_at: datetime
    pid: int | None
    process_started_at: datetime | None
    input: str | None
    retry_of: str | None
    knowledge_metrics: str | None
    resolved_crew: str | None
    planner_model: str | None
    implementer_model: str | None
    reviewer_model: str | None
    pipeline_state: str | None


@dataclass(frozen=True, slots=True)
class JobStep:
    """One step of a job run. agent_response: JSON text as given. duration_ms: milliseconds. Instants are aware. The
    rest: as given.
    """

    run_id: str
    step: int
    target_type: str
    target_id: str
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    exit_code: int | None
    error_code: str | None
    error_message: str | None
    agent_response: str | None
