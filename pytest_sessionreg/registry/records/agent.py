"""The records of agents and their transitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Agent", "Transition"]


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as it stood when it was read.

    name: unique in its workspace. agent_id, capability, worktree, branch, task_id, terminal, parent: as given. state:
    "booting", "working", "completed", "stalled" or "zombie". depth: 0 for one without a parent. escalation_level: 0
    while nobody worries. stalled_since: aware instant, None while it moves. started_at, last_activity_at: aware
    instants.
    """

    name: str
    agent_id: str
    capability: str
    worktree: str
    branch: str
    task_id: str
    terminal: str
    state: str
    pid: int | None
    parent: str | None
    depth: int
    run_id: str | None
    started_at: datetime
    last_activity_at: datetime
    escalation_level: int
    stalled_since: datetime | None


@dataclass(frozen=True, slots=True)
class Transition:
    """How a compare-and-swap ended: whether it `changed` the state, and which one it `found` (None: no such agent)."""

    changed: bool
    found: str | None
