"""What one workspace should hold."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_sessionreg.registry.stores.agents import Agent
from pytest_sessionreg.registry.stores.audit import AuditEvent
from pytest_sessionreg.registry.stores.inbox import Command
from pytest_sessionreg.registry.stores.jobs import JobRun, JobStep
from pytest_sessionreg.registry.stores.learning import LearningState
from pytest_sessionreg.registry.stores.locks import Lock
from pytest_sessionreg.registry.stores.outputs import Output
from pytest_sessionreg.registry.stores.overrides import Override
from pytest_sessionreg.registry.stores.runs import Run
from pytest_sessionreg.registry.stores.sessions import Session
from pytest_sessionreg.registry.stores.worktrees import Worktree

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=50)
# No process can have this number.
GONE = 2**40

# A session of nothing but an id.
NEW = Session(
    workspace_id="",
    session_id="",
    pid=None,
    ppid=None,
    process_started_at=None,
    pid_namespace=None,
    cwd=None,
    repo_path=None,
    repo_hash=None,
    worktree=None,
    branch=None,
    parent_id=None,
    label=None,
    notify=False,
    transport_kind="unknown",
    transport_details={},
    status="active",
    started_at=START,
    last_heartbeat_at=START,
    ended_at=None,
    expires_at=None,
    metadata={},
)


@dataclass
class World:
    """What one workspace should hold; the records are frozen, so a copy of the containers is a snapshot."""

    sessions: dict[str, Session] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    overrides: dict[tuple[str, str], Override] = field(default_factory=dict)
    worktrees: dict[str, Worktree] = field(default_factory=dict)
    suggested: list[tuple[str, str, datetime]] = field(default_factory=list)
    invoked: list[tuple[str, str, datetime]] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    agents: dict[str, Agent] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    tokens: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    inbox: list[Command] = field(default_factory=list)
    audit: list[AuditEvent] = field(default_factory=list)
    jobs: dict[str, JobRun] = field(default_factory=dict)
    steps: dict[tuple[str, int], JobStep] = field(default_factory=dict)
    learning: dict[str, LearningState] = field(default_factory=dict)

    def snapshot(self) -> World:
        return World(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})

    def remove_session(self, session_id: str) -> None:
        del self.sessions[session_id]
        self.locks = {name: lock for name, lock in self.locks.items() if lock.session_id != session_id}
        self.overrides = {key: value for key, value in self.overrides.items() if key[0] != session_id}
        self.worktrees = {
            child: link for child, link in self.worktrees.items() if session_id not in (child, link.parent_id)
        }
        self.suggested = [event for event in self.suggested if event[0] != session_id]
        self.invoked = [event for event in self.invoked if event[0] != session_id]
        self.outputs = [output for output in self.outputs if output.session_id != session_id]
        self.tokens = {token: bound for token, bound in self.tokens.items() if bound[0] != session_id}

    def remove_expired_sessions(self, now: datetime) -> int:
        expired = [
            session.session_id
            for session in self.sessions.values()
            if session.expires_at is not None and session.expires_at <= now
        ]
        for session_id in expired:
            self.remove_session(session_id)
        return len(expired)

    def remove_expired_tokens(self, now: datetime) -> int:
        expired = [token for token, (_, _, expires_at) in self.tokens.items() if expires_at <= now]
        for token in expired:
            del self.tokens[token]
        return len(expired)

    def command(self, command_id: str) -> Command | None:
        return next((command for command in self.inbox if command.command_id == command_id), None)

    def change_command(self, command: Command, **changes: Any) -> None:
        self.inbox[self.inbox.index(command)] = replace(command, **changes)
