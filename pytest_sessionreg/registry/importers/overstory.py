"""Overstory: `sessions.json`, an array of agents, or an object of them by name."""

from __future__ import annotations

import os
from typing import Any

from ..clock import now
from ..errors import InvalidValue
from ..identifier import new_id
from ..stores.agents import STATES
from ..values import choice, identifier, text, whole
from .document import Document, Member
from .errors import UnreadableSource
from .fields import Fields, instant, reference
from .part import Layout, Part

__all__ = ["OVERSTORY", "agent", "run"]

_FILE = "sessions.json"
_RUN_STATUSES = ("active", "completed")


def agent(fields: Fields) -> dict[str, Any]:
    """A row of `agents`. One that does not say when it started did so at its last activity, or now."""
    started_at = fields.optional(instant, "startedAt", "started_at", "lastActivity", "last_activity") or now()
    return {
        "name": fields.need(identifier, "agentName", "agent_name"),
        "agent_id": fields.optional(identifier, "id") or new_id(),
        "capability": fields.take(text, "capability", default=""),
        "worktree": fields.take(text, "worktreePath", "worktree_path", default=""),
        "branch": fields.take(text, "branchName", "branch_name", default=""),
        "task_id": fields.take(text, "beadId", "bead_id", "taskId", "task_id", default=""),
        "terminal": fields.take(text, "tmuxSession", "tmux_session", default=""),
        "state": fields.take(_state, "state", default="booting"),
        "pid": fields.optional(whole, "pid"),
        "parent": fields.optional(reference, "parentAgent", "parent_agent"),
        "depth": fields.take(whole, "depth", default=0),
        "run_id": fields.optional(reference, "runId", "run_id"),
        "started_at": started_at,
        "last_activity_at": fields.take(instant, "lastActivity", "last_activity", default=started_at),
        "escalation_level": fields.take(whole, "escalationLevel", "escalation_level", default=0),
        "stalled_since": fields.optional(instant, "stalledSince", "stalled_since"),
    }


def run(fields: Fields) -> dict[str, Any]:
    """A row of `runs`. Without a status it is completed if it has an end, and without a start it started then, or
    now.
    """
    completed_at = fields.optional(instant, "completed_at")
    started_at = fields.optional(instant, "started_at") or completed_at or now()
    status = fields.take(_status, "status", default="active" if completed_at is None else "completed")
    return {
        "run_id": fields.need(identifier, "id", "run_id"),
        "status": status,
        "description": fields.optional(text, "description"),
        "agent_count": fields.take(whole, "agent_count", default=0),
        "started_at": started_at,
        "completed_at": completed_at,
    }


def _sources(path: str) -> list[str]:
    return [path] if os.path.basename(path) == _FILE and os.path.isfile(path) else []


def _read(path: str, workspace: str) -> Part:
    part = Part("overstory", path, workspace)
    document = Document.read(path)
    if not isinstance(document.value, list | dict):
        raise UnreadableSource("must be a JSON array or object of agents; nothing was imported", file=path, line=1)
    for member in document.members():
        with part.record(path, document.line(member.start)):
            part.add("agents", agent(_fields_with_name(member)))
    return part


def _fields_with_name(member: Member) -> Fields:
    """The agent's fields; in an object, one that does not repeat its name has it from its key."""
    Fields(member.value)
    if not isinstance(member.key, str) or member.value.get("agentName") is not None:
        return Fields(member.value)
    return Fields({**member.value, "agentName": member.key})


def _state(field: str, value: Any) -> str:
    return _choice(field, value, STATES)


def _status(field: str, value: Any) -> str:
    return _choice(field, value, _RUN_STATUSES)


def _choice(field: str, value: Any, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise InvalidValue(field, value, f"must be one of {', '.join(choices)}")
    return choice(field, value, choices)


OVERSTORY = Layout("overstory", f"{_FILE} of Overstory", _sources, _read)
