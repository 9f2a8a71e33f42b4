"""Orbit's records as rows, from its JSON files and from its database alike."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidValue
from ..values import identifier, json_as_given, text, whole
from .fields import Fields, instant, reference

__all__ = ["event", "job_run", "job_step"]

_UNKNOWN = "unknown"


def event(fields: Fields, line: str | None) -> dict[str, Any]:
    """A row of `audit_events`. What says neither source, run nor agent gets "unknown".

    The payload is kept to the byte: the text of the object `payload` as it stands in the line, or the text in
    `payload_json`; an event without either keeps its whole line.
    """
    payload = fields.json("payload_json")
    if payload is None and isinstance(fields.optional(_any, "payload"), dict):
        payload = fields.json("payload")
    if payload is None:
        payload = json_as_given("payload", line)
    return {
        "event_id": fields.need(identifier, "event_id"),
        "source": fields.take(identifier, "source", default=_UNKNOWN),
        "schema_version": fields.take(whole, "schema_version", default=1),
        "event_type": fields.need(identifier, "event_type"),
        "at": fields.need(instant, "ts", "timestamp"),
        "run_id": fields.take(reference, "run_id", default=None) or _UNKNOWN,
        "agent_identity": fields.take(reference, "agent_identity", default=None) or _UNKNOWN,
        "parent_event_id": fields.optional(reference, "parent_event_id"),
        "workspace_path": fields.optional(text, "workspace_path"),
        "payload": payload,
    }


def job_run(fields: Fields) -> dict[str, Any]:
    """A row of `job_runs`. It was created when it was scheduled if it does not say so, and the other way round.

    Orbit's `pid_start_time` is whatever the system calls it; one that is no instant is left out.
    """
    scheduled_at = fields.need(instant, "scheduled_at", "created_at", "started_at")
    return {
        "run_id": fields.need(identifier, "run_id"),
        "job_id": fields.need(identifier, "job_id"),
        "attempt": fields.take(whole, "attempt", default=1),
        "state": fields.need(identifier, "state"),
        "scheduled_at": scheduled_at,
        "started_at": fields.optional(instant, "started_at"),
        "finished_at": fields.optional(instant, "finished_at"),
        "duration_ms": fields.optional(whole, "duration_ms"),
        "created_at": fields.take(instant, "created_at", default=scheduled_at),
        "pid": fields.optional(whole, "pid"),
        "process_started_at": fields.optional(_instant_or_none, "pid_start_time"),
        "input": fields.json("input_json", "input"),
        "retry_of": fields.optional(reference, "retry_source_run_id"),
        "knowledge_metrics": fields.json("knowledge_metrics_json", "knowledge_metrics"),
        "resolved_crew": fields.optional(text, "resolved_crew"),
        "planner_model": fields.optional(text, "planner_model"),
        "implementer_model": fields.optional(text, "implementer_model"),
        "reviewer_model": fields.optional(text, "reviewer_model"),
        "pipeline_state": fields.json("pipeline_state_json", "pipeline_state"),
    }


def job_step(fields: Fields, *, run_id: str, step: int) -> dict[str, Any]:
    """A row of `job_steps`. run_id: of the run that it belongs to. step: its number if it does not say."""
    return {
        "run_id": run_id,
        "step": fields.take(whole, "step_index", default=step),
        "target_type": fields.need(identifier, "target_type"),
        "target_id": fields.need(identifier, "target_id"),
        "state": fields.need(identifier, "state"),
        "started_at": fields.optional(instant, "started_at"),
        "finished_at": fields.optional(instant, "finished_at"),
        "duration_ms": fields.optional(whole, "duration_ms"),
        "exit_code": fields.optional(_exit_code, "exit_code"),
        "error_code": fields.optional(text, "error_code"),
        "error_message": fields.optional(text, "error_message"),
        "agent_response": fields.json("agent_response_json", "agent_response"),
    }


def _any(field: str, value: Any) -> Any:
    del field
    return value


def _exit_code(field: str, value: Any) -> int:
    return whole(field, value, least=-(1 << 31))


def _instant_or_none(field: str, value: Any) -> str | None:
    try:
        return instant(field, value) if isinstance(value, str) else None
    except InvalidValue:
        return None
