"""The inbox store: commands that survive a crash, in the order in which they came, each once."""

from __future__ import annotations

from datetime import timedelta

from ..clock import from_optional, from_text, later, now
from ..store import Store, converted
from ..values import identifier, json_text, json_value, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..records.command import Command

__all__ = ["Inbox"]

_SELECT = (
    "SELECT position, command_id, payload, status, put_at, taken_at, taker, done_at FROM inbox WHERE workspace_id = ?"
)


class Inbox(Store):
    """`registry.inbox`. A command waits, is taken by one taker, and is done."""

    __slots__ = ()

    def put(self, command_id: str, payload: Any = None) -> bool:
        """Add a command; False if its id has been put before, done or not: the repetition is ignored."""
        return (
            self._write(
                "INSERT INTO inbox (workspace_id, command_id, payload, status, put_at) VALUES (?, ?, ?, 'waiting', ?) "
                "ON CONFLICT (workspace_id, command_id) DO NOTHING",
                (self._workspace, identifier("command_id", command_id), json_text("payload", payload), now()),
            )
            > 0
        )

    def take(self, taker: str | None = None) -> Command | None:
        """The command that waits longest, which is now the taker's alone; None if none waits. An empty inbox is not
        locked.
        """
        who = None if taker is None else identifier("taker", taker)
        first = " AND status = 'waiting' ORDER BY position LIMIT 1"
        if not self._database.in_transaction and not self._read(_SELECT + first, (self._workspace,)):
            return None
        with self._joined():
            rows = self._read(_SELECT + first, (self._workspace,))
            if not rows:
                return None
            instant = now()
            self._write(
                "UPDATE inbox SET status = 'taken', taken_at = ?, taker = ? WHERE workspace_id = ? AND position = ?",
                (instant, who, self._workspace, rows[0][0]),
            )
        return _command((*rows[0][:3], "taken", rows[0][4], instant, who, None))

    def done(self, command_id: str) -> bool:
        """Finish a command that was taken; False if it was not, or is done already."""
        return (
            self._write(
                "UPDATE inbox SET status = 'done', done_at = ? "
                "WHERE workspace_id = ? AND command_id = ? AND status = 'taken'",
                (now(), self._workspace, identifier("command_id", command_id)),
            )
            > 0
        )

    def put_back(self, command_id: str) -> bool:
        """Let a command that was taken wait again, in its old place; False if it is not taken."""
        return (
            self._write(
                "UPDATE inbox SET status = 'waiting', taken_at = NULL, taker = NULL "
                "WHERE workspace_id = ? AND command_id = ? AND status = 'taken'",
                (self._workspace, identifier("command_id", command_id)),
            )
            > 0
        )

    def get(self, command_id: str) -> Command | None:
        """The command, or None."""
        rows = self._read(_SELECT + " AND command_id = ?", (self._workspace, identifier("command_id", command_id)))
        return _command(rows[0]) if rows else None

    def unfinished(self) -> list[Command]:
        """The commands that were taken and are not done, in order: what a taker that crashed has left."""
        rows = self._read(_SELECT + " AND status = 'taken' ORDER BY position", (self._workspace,))
        return [_command(row) for row in rows]

    def waiting(self) -> int:
        """How many commands wait."""
        ((number,),) = self._read(
            "SELECT count(*) FROM inbox WHERE workspace_id = ? AND status = 'waiting'", (self._workspace,)
        )
        return int(number)

    def prune(self, older_than: timedelta) -> int:
        """Forget commands done longer ago than that; how many. A forgotten id can be put again."""
        return self._write(
            "DELETE FROM inbox WHERE workspace_id = ? AND done_at < ?",
            (self._workspace, later(now(), -positive("older_than", older_than))),
        )


_COMMAND_CONVERSIONS = ((2, json_value), (4, from_text), (5, from_optional), (7, from_optional))


def _command(row: tuple[Any, ...]) -> Command:
    from ..records.command import Command  # here, because dataclasses cost a cold start more than SQLite does

    return Command(*converted(row, _COMMAND_CONVERSIONS))
