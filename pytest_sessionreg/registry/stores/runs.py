"""The runs store: agents that work together.

For example:

    run = registry.runs.create(description="nightly")
    registry.agents.upsert("tester", run_id=run.run_id)
    registry.runs.count_agent(run.run_id)
    assert registry.runs.complete(run.run_id) and registry.runs.active() is None
"""

from __future__ import annotations

from datetime import datetime

from ..clock import from_text, now
from ..errors import InvalidValue
from ..identifier import new_id
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it

__all__ = ["Run", "Runs"]


class Run(Record):
    """Agents that work together.

    run_id: unique in its workspace.
    status: "active" or "completed".
    description: as given.
    agent_count: how often an agent was counted.
    started_at: aware instant.
    completed_at: aware instant, None while it is active.
    """

    run_id: str = field(identifier)
    status: str
    description: str | None = field(text)
    agent_count: int
    started_at: datetime = field(convert=from_text)
    completed_at: datetime | None = field(convert=from_text)


_RUNS = Table("runs", Run)
_CREATE = (
    f"INSERT INTO runs (workspace_id, {_RUNS.columns}) VALUES (:workspace_id, {_RUNS.values}) "
    "ON CONFLICT (workspace_id, run_id) DO NOTHING"
)
_SELECT = f"SELECT {_RUNS.columns} FROM runs WHERE workspace_id = ?"


class Runs(Store):
    """`registry.runs`."""

    __slots__ = ()

    def create(self, *, description: str | None = None, run_id: str | None = None) -> Run:
        """Start a run; its id is generated if not given. Raises InvalidValue if the id is taken."""
        chosen = new_id() if run_id is None else run_id
        values = {
            **_RUNS.empty(),
            **self._row(_RUNS, run_id=chosen, description=description),
            "status": "active",
            "agent_count": 0,
            "started_at": now(),
        }
        if not self._write(_CREATE, values):
            raise InvalidValue("run_id", chosen, "is taken by another run")
        return _RUNS.of(values)

    def get(self, run_id: str) -> Run | None:
        """The run, or None."""
        return _RUNS.first(self._read(_SELECT + " AND run_id = ?", (self._workspace, identifier("run_id", run_id))))

    def active(self) -> Run | None:
        """The run that was started last of those still active, or None."""
        newest = " AND status = 'active' ORDER BY started_at DESC, run_id DESC LIMIT 1"
        return _RUNS.first(self._read(_SELECT + newest, (self._workspace,)))

    def list(self, *, limit: int | None = None) -> List[Run]:
        """The runs, the newest first, at most `limit`."""
        most = -1 if limit is None else whole("limit", limit)
        newest_first = " ORDER BY started_at DESC, run_id DESC LIMIT ?"
        return _RUNS.records(self._read(_SELECT + newest_first, (self._workspace, most)))

    def count_agent(self, run_id: str) -> bool:
        """Count one more agent; False if there is no such run."""
        return (
            self._write(
                "UPDATE runs SET agent_count = agent_count + 1 WHERE workspace_id = ? AND run_id = ?",
                (self._workspace, identifier("run_id", run_id)),
            )
            > 0
        )

    def complete(self, run_id: str) -> bool:
        """Complete an active run; False if there is no such active run."""
        return (
            self._write(
                "UPDATE runs SET status = 'completed', completed_at = ? "
                "WHERE workspace_id = ? AND run_id = ? AND status = 'active'",
                (now(), self._workspace, identifier("run_id", run_id)),
            )
            > 0
        )
