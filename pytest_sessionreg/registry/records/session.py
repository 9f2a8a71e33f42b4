"""The record of one session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Session", "Sweep"]


@dataclass(frozen=True, slots=True)
class Session:
    """One session as it stood when it was read.

    pid, ppid: the process that works and its parent, None if unknown. process_started_at: when that process started, by
    the wall clock of when it was registered. pid_namespace: in which the numbers mean something. cwd, repo_path,
    branch, label: as given. repo_hash: the first 16 hexadecimal digits of the SHA-256 of repo_path. worktree: the
    linked work tree, None for the repository's main one. parent_id: the session that started this one. notify: whether
    its user wants messages. transport_kind, transport_details: how to reach it, e.g. "tmux" and {"pane": "%5"}. status:
    "active", "finished" or "crashed". started_at, last_heartbeat_at, ended_at, expires_at: aware instants, the last two
    None if open. metadata: the caller's own.
    """

    workspace_id: str
    session_id: str
    pid: int | None
    ppid: int | None
    process_started_at: datetime | None
    pid_namespace: str | None
    cwd: str | None
    repo_path: str | None
    repo_hash: str | None
    worktree: str | None
    branch: str | None
    parent_id: str | None
    label: str | None
    notify: bool
    transport_kind: str
    transport_details: Mapping[str, Any]
    status: str
    started_at: datetime
    last_heartbeat_at: datetime
    ended_at: datetime | None
    expires_at: datetime | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep changed: how many sessions were found `crashed`, how many `expired` ones were removed."""

    crashed: int
    expired: int
