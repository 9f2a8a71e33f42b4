"""The runs store: agents that work together."""

from __future__ import annotations

from ..clock import from_optional, from_text, now
from ..identifier import new_id
from ..store import Store, converted
from ..values import identifier, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it
    from typing import Any

    from ..records.run import Run

__all__ = ["Runs"]

_SELECT = "SELECT run_id, status, description, agent_count, started_at, completed_at FROM runs WHERE workspace_id = ?"


class Runs(Store):
    """`registry.runs`."""

    __slots__ = ()

    def create(self, *, description: str | None = None, run_id: str | None = None) -> Run:
        """Start a run; its id is generated if not given. Raises InvalidValue if the id is taken."""
        from ..errors import InvalidValue
        from ..records.run import Run

        chosen = new_id() if run_id is None else identifier("run_id", run_id)
        described = None if description is None else text("description", description)
        instant = now()
        made = self._write(
            "INSERT INTO runs (workspace_id, run_id, status, description, agent_count, started_at) "
            "VALUES (?, ?, 'active', ?, 0, ?) ON CONFLICT (workspace_id, run_id) DO NOTHING",
            (self._workspace, chosen, described, instant),
        )
        if not made:
            raise InvalidValue("run_id", chosen, "is taken by another run")
        return Run(chosen, "active", described, 0, from_text(instant), None)

    def get(self, run_id: str) -> Run | None:
        """The run, or None."""
        rows = self._read(_SELECT + " AND run_id = ?", (self._workspace, identifier("run_id", run_id)))
        return _run(rows[0]) if rows else None

    def active(self) -> Run | None:
        """The run that was started last of those still active, or None."""
        rows = self._read(
            _SELECT + " AND status = 'active' ORDER BY started_at DESC, run_id DESC LIMIT 1", (self._workspace,)
        )
        return _run(rows[0]) if rows else None

    def list(self, *, limit: int | None = None) -> List[Run]:
        """The runs, the newest first, at most `limit`."""
        most = -1 if limit is None else whole("limit", limit)
        rows = self._read(_SELECT + " ORDER BY started_at DESC, run_id DESC LIMIT ?", (self._workspace, most))
        return [_run(row) for row in rows]

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


_RUN_CONVERSIONS = ((4, from_text), (5, from_optional))


def _run(row: tuple[Any, ...]) -> Run:
    from ..records.run import Run  # here, because dataclasses cost a cold start more than SQLite does

    return Run(*converted(row, _RUN_CONVERSIONS))
