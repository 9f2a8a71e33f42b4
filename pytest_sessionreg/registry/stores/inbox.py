"""The inbox store: commands that survive a crash, each taken once, in order.

For example:

    assert registry.inbox.put("cmd-1", {"say": "hello"})
    assert not registry.inbox.put("cmd-1", {"say": "hello"})  # repeated: ignored
    command = registry.inbox.take("daemon-7")
    assert [left.command_id for left in registry.inbox.unfinished()] == ["cmd-1"]  # what a crash would leave
    registry.inbox.done(command.command_id)
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..clock import from_text, later, now
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, json_text, json_value, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Command", "Inbox"]


class Command(Record):
    """A durable command.

    position: grows in the order of putting.
    command_id: unique in its workspace.
    payload: whatever JSON can hold.
    status: "waiting", "taken" or "done".
    put_at: aware instant.
    taken_at: aware instant, None while it waits.
    taker: who took it last.
    done_at: aware instant, None until it is done.
    """

    position: int
    command_id: str = field(identifier)
    payload: Any = field(json_text, json_value)
    status: str
    put_at: datetime = field(convert=from_text)
    taken_at: datetime | None = field(convert=from_text)
    taker: str | None = field(identifier)
    done_at: datetime | None = field(convert=from_text)


_COMMANDS = Table("inbox", Command)
_SELECT = f"SELECT {_COMMANDS.columns} FROM inbox WHERE workspace_id = ?"


class Inbox(Store):
    """`registry.inbox`. A command waits, is taken by one taker, and is done."""

    __slots__ = ()

    def put(self, command_id: str, payload: Any = None) -> bool:
        """Add a command; False if its id has been put before, done or not: the repetition is ignored."""
        return (
            self._write(
                "INSERT INTO inbox (workspace_id, command_id, payload, status, put_at) "
                "VALUES (:workspace_id, :command_id, :payload, 'waiting', :put_at) "
                "ON CONFLICT (workspace_id, command_id) DO NOTHING",
                {**self._row(_COMMANDS, command_id=command_id, payload=payload), "put_at": now()},
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
        with self._joining():
            rows = self._read(_SELECT + first, (self._workspace,))
            if not rows:
                return None
            taken = {**_COMMANDS.by_column(rows[0]), "status": "taken", "taken_at": now(), "taker": who}
            self._write(
                "UPDATE inbox SET status = :status, taken_at = :taken_at, taker = :taker "
                "WHERE workspace_id = :workspace_id AND position = :position",
                {"workspace_id": self._workspace, **taken},
            )
        return _COMMANDS.of(taken)

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
        return _COMMANDS.first(
            self._read(_SELECT + " AND command_id = ?", (self._workspace, identifier("command_id", command_id)))
        )

    def unfinished(self) -> list[Command]:
        """The commands that were taken and are not done, in order: what a taker that crashed has left."""
        return _COMMANDS.records(self._read(_SELECT + " AND status = 'taken' ORDER BY position", (self._workspace,)))

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
