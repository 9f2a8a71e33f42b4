from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SESSIONS: dict[str, Any] = {
    "sessions": {
        "s-1": {
            "session_id": "s-1",
            "ppid": 12345,
            "pid": 12346,
            "start_time": 1770600000,
            "cwd": "/home/dev/projects/foo",
            "label": "foo",
            "notify": True,
            "transport": {
                "kind": "nvim",
                "details": {"nvim_socket": "/tmp/nvimXXXXXX/0", "instance_name": "/dev/pts/12"},  # noqa: S108
            },
            "state": "active",
            "created_at": "2026-02-09T01:20:00.000Z",
            "updated_at": "2026-02-09T01:25:00.000Z",
            "expires_at": "2026-02-10T01:20:00.000Z",
        },
        "s-2": {"session_id": "s-2", "state": "stopped", "updated_at": 1770600000000, "nickname": "bar"},
    }
}
TOKENS: dict[str, Any] = {
    "tok-1": {
        "session_id": "s-1",
        "chat_id": 123456,
        "created_at": "2026-02-09T01:20:00.000Z",
        "expires_at": "2099-02-10T01:20:00.000Z",
    },
    "tok-2": {"session_id": "gone", "chat_id": 123456},
}
AGENTS: list[dict[str, Any]] = [
    {
        "id": "a-1",
        "agentName": "builder",
        "capability": "builder",
        "worktreePath": "/w/builder",
        "branchName": "overstory/builder",
        "beadId": "bead-7",
        "tmuxSession": "overstory-builder",
        "state": "stalled",
        "pid": 4711,
        "parentAgent": "lead",
        "depth": 2,
        "runId": "run-1",
        "startedAt": "2026-02-09T01:20:00.000Z",
        "lastActivity": "2026-02-09T01:25:00.000Z",
        "escalationLevel": 1,
        "stalledSince": "2026-02-09T01:24:00.000Z",
    },
    {"id": "a-2", "agentName": "lead", "state": "working", "pid": None, "startedAt": "2026-02-09T01:00:00Z"},
]
EVENT_LINE = (
    '{"event_id":"e-1","source":"v2_loop","schema_version":2,"event_type":"tool_denied",'
    '"ts":"2026-05-01T10:00:00.123456789Z","run_id":"run-1","agent_identity":"crew/impl",'
    '"payload": { "b" : 1.50, "a":"\\u00fc", "blob":"sha256:ab" },"workspace_path":"/w"}'
)
BARE_LINE = '{"event_id":"e-2","event_type":"note","ts":"2026-05-01T10:00:01Z","detail":7}'
JOB_RUN = """{
  "run_id": "run-1", "job_id": "nightly", "attempt": 2, "state": "failed",
  "scheduled_at": "2026-05-01T09:00:00Z", "started_at": "2026-05-01T09:00:01Z", "duration_ms": 1500,
  "pid": 99, "pid_start_time": "8214412", "input": {"n":  1.0}, "retry_source_run_id": "run-0",
  "steps": [
    {"step_index": 0, "target_type": "activity", "target_id": "plan", "state": "done", "exit_code": -9},
    {"step_index": 1, "target_type": "activity", "state": "done"},
    {"target_type": "activity", "target_id": "review", "state": "failed", "agent_response": {"ok":  false}}
  ]
}
"""


@pytest.fixture
def ccr(tmp_path: Path) -> Path:
    """CCR's `data` directory: two sessions, and two tokens of which one belongs to nobody."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "claude-sessions.json").write_text(json.dumps(SESSIONS, indent=2))
    (data / "claude-tokens.json").write_text(json.dumps(TOKENS, indent=2))
    return data


@pytest.fixture
def overstory(tmp_path: Path) -> Path:
    """Overstory's `sessions.json` with two agents."""
    file = tmp_path / ".overstory" / "sessions.json"
    file.parent.mkdir()
    file.write_text(json.dumps(AGENTS, indent=2))
    return file


@pytest.fixture
def orbit(tmp_path: Path) -> Path:
    """An Orbit workspace: two events, a job run with two good steps and a bad one, one session's learnings."""
    workspace = tmp_path / "project"
    state = workspace / ".orbit" / "state"
    audit, runs, learnings = state / "audit" / "v2_loop" / "2026-05", state / "job-runs" / "nightly", state / "sessions"
    for directory in (audit, runs, learnings / "s-1"):
        directory.mkdir(parents=True)
    (workspace / ".orbit" / "config.yaml").write_text('version: 2\nworkspace_id: "ws_7"  # ours\n')
    (audit / "run-1.jsonl").write_text(f"{EVENT_LINE}\n\n{BARE_LINE}\n")
    (runs / "run-1.json").write_text(JOB_RUN)
    (learnings / "s-1" / "learnings.json").write_text('{"seen": ["L-1"]}')
    return workspace
