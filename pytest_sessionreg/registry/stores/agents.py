"""The agents store: a life cycle with a compare-and-swap.

For example:

    registry.agents.upsert("builder", capability="build", worktree="/repo-builder", branch="feature")
    assert registry.agents.transition("builder", "working").changed
    refused = registry.agents.transition("builder", "booting")
    assert (refused.changed, refused.found) == (False, "working")
"""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..errors import InvalidValue
from ..identifier import new_id
from ..store import Store
from ..table import Record, Table, field
from ..values import choice, identifier, instant_text, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["ACTIVE_STATES", "PREDECESSORS", "STATES", "Agent", "Agents", "Transition"]

STATES = ("booting", "working", "completed", "stalled", "zombie")
ACTIVE_STATES = ("booting", "working", "stalled")
# Which states may become which: completed is final, a zombie can only be completed, booting is never entered again.
PREDECESSORS: dict[str, tuple[str, ...]] = {
    "booting": (),
    "working": ("booting", "stalled"),
    "stalled": ("booting", "working"),
    "zombie": ("booting", "working", "stalled"),
    "completed": ("booting", "working", "stalled", "zombie"),
}


def _state(name: str, value: Any) -> str:
    return choice(name, value, STATES)


class Agent(Record):
    """One agent as it stood when it was read.

    name: unique in its workspace.
    agent_id: as given.
    capability: as given.
    worktree: as given.
    branch: as given.
    task_id: as given.
    terminal: as given.
    state: one of STATES.
    pid: its process, as given.
    parent: the name of the agent that started it, as given.
    depth: 0 for one without a parent.
    run_id: the run that it works in.
    started_at: aware instant.
    last_activity_at: aware instant.
    escalation_level: 0 while nobody worries.
    stalled_since: aware instant, None while it moves.
    """

    name: str = field(identifier)
    agent_id: str = field(identifier)
    capability: str = field(text)
    worktree: str = field(text)
    branch: str = field(text)
    task_id: str = field(text)
    terminal: str = field(text)
    state: str = field(_state)
    pid: int | None = field(whole)
    parent: str | None = field(identifier)
    depth: int = field(whole)
    run_id: str | None = field(identifier)
    started_at: datetime = field(instant_text, from_text)
    last_activity_at: datetime = field(convert=from_text)
    escalation_level: int = field(whole)
    stalled_since: datetime | None = field(instant_text, from_text)


class Transition(Record):
    """How a compare-and-swap ended.

    changed: whether it changed the state.
    found: the state that it found, None if there is no such agent.
    """

    changed: bool
    found: str | None


_AGENTS = Table("agents", Agent)
_SELECT = f"SELECT {_AGENTS.columns} FROM agents WHERE workspace_id = ?"
_UPSERT = (
    f"INSERT INTO agents (workspace_id, {_AGENTS.columns}) VALUES (:workspace_id, {_AGENTS.values}) "
    f"ON CONFLICT (workspace_id, name) DO UPDATE SET {_AGENTS.replacements('name')}"
)
_ORDER = " ORDER BY started_at, name"


class Agents(Store):
    """`registry.agents`, keyed by the agent's name."""

    __slots__ = ()

    def upsert(
        self,
        name: str,
        *,
        agent_id: str | None = None,
        capability: str = "",
        worktree: str = "",
        branch: str = "",
        task_id: str = "",
        terminal: str = "",
        state: str = "booting",
        pid: int | None = None,
        parent: str | None = None,
        depth: int = 0,
        run_id: str | None = None,
        started_at: datetime | None = None,
        escalation_level: int = 0,
        stalled_since: datetime | None = None,
    ) -> None:
        """Insert an agent, or replace the one of that name. agent_id: default generated. started_at: default now."""
        instant = now()
        values = self._row(
            _AGENTS,
            name=name,
            agent_id=new_id() if agent_id is None else agent_id,
            capability=capability,
            worktree=worktree,
            branch=branch,
            task_id=task_id,
            terminal=terminal,
            state=state,
            pid=pid,
            parent=parent,
            depth=depth,
            run_id=run_id,
            escalation_level=escalation_level,
            stalled_since=stalled_since,
        )
        values["started_at"] = instant if started_at is None else _AGENTS.check("started_at", started_at)
        values["last_activity_at"] = instant
        self._write(_UPSERT, values)

    def get(self, name: str) -> Agent | None:
        """The agent, or None."""
        return _AGENTS.first(self._read(_SELECT + " AND name = ?", (self._workspace, identifier("name", name))))

    def active(self) -> list[Agent]:
        """The agents that are booting, working or stalled, the oldest first."""
        # told which index, for SQLite would rather read every agent in order than sort the few that are active
        by_state = _SELECT.replace(" FROM agents ", " FROM agents INDEXED BY agents_by_state ")
        return _AGENTS.records(
            self._read(by_state + " AND state IN (?, ?, ?)" + _ORDER, (self._workspace, *ACTIVE_STATES))
        )

    def all(self) -> list[Agent]:
        """All agents, the oldest first."""
        return _AGENTS.records(self._read(_SELECT + _ORDER, (self._workspace,)))

    def by_run(self, run_id: str) -> list[Agent]:
        """The agents of a run, the oldest first."""
        return _AGENTS.records(
            self._read(_SELECT + " AND run_id = ?" + _ORDER, (self._workspace, identifier("run_id", run_id)))
        )

    def count(self, *, state: str | None = None) -> int:
        """How many agents there are, or are in one state."""
        sql, parameters = "SELECT count(*) FROM agents WHERE workspace_id = ?", [self._workspace]
        if state is not None:
            sql, parameters = sql + " AND state = ?", [*parameters, choice("state", state, STATES)]
        ((number,),) = self._read(sql, parameters)
        return int(number)

    def set_state(self, name: str, state: str) -> bool:
        """Set the state whatever it was; False if there is no such agent. For a change that races others use
        `transition`.
        """
        return (
            self._write(
                "UPDATE agents SET state = ?, last_activity_at = ? WHERE workspace_id = ? AND name = ?",
                (choice("state", state, STATES), now(), self._workspace, identifier("name", name)),
            )
            > 0
        )

    def transition(self, name: str, to: str) -> Transition:
        """Change the state if PREDECESSORS allows it from the one found: a compare-and-swap. Says what it found."""
        allowed = PREDECESSORS[choice("to", to, STATES)]
        identifier("name", name)
        with self._joining():
            rows = self._read("SELECT state FROM agents WHERE workspace_id = ? AND name = ?", (self._workspace, name))
            found = rows[0][0] if rows else None
            if found not in allowed:
                return Transition(changed=False, found=found)
            self.set_state(name, to)
        return Transition(changed=True, found=found)

    def activity(self, name: str) -> bool:
        """Say that the agent does something; False if there is no such agent."""
        return (
            self._write(
                "UPDATE agents SET last_activity_at = ? WHERE workspace_id = ? AND name = ?",
                (now(), self._workspace, identifier("name", name)),
            )
            > 0
        )

    def escalation(self, name: str, level: int, stalled_since: datetime | None) -> bool:
        """Set how worried the watchdog is, and since when; False if there is no such agent."""
        since = None if stalled_since is None else instant_text("stalled_since", stalled_since)
        return (
            self._write(
                "UPDATE agents SET escalation_level = ?, stalled_since = ? WHERE workspace_id = ? AND name = ?",
                (whole("level", level), since, self._workspace, identifier("name", name)),
            )
            > 0
        )

    def remove(self, name: str) -> bool:
        """Delete an agent; False if there is none of that name."""
        return (
            self._write(
                "DELETE FROM agents WHERE workspace_id = ? AND name = ?", (self._workspace, identifier("name", name))
            )
            > 0
        )

    def purge(self, *, all: bool = False, state: str | None = None, agent: str | None = None) -> int:  # noqa: A002  Overstory's word
        """Delete all agents, those of a state, or one; how many. Exactly one of the three must be given."""
        if (all is True) + (state is not None) + (agent is not None) != 1:
            raise InvalidValue("purge", {"all": all, "state": state, "agent": agent}, "takes exactly one of the three")
        sql = "DELETE FROM agents WHERE workspace_id = ?"
        if state is not None:
            return self._write(sql + " AND state = ?", (self._workspace, choice("state", state, STATES)))
        if agent is not None:
            return self._write(sql + " AND name = ?", (self._workspace, identifier("agent", agent)))
        return self._write(sql, (self._workspace,))
