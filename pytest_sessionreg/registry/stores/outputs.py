r"""The outputs store: what a session printed, in order, of any length.

For example:

    first = registry.outputs.append("s-1", "collecting ...\n")
    registry.outputs.append("s-1", (f"test {number} passed\n" for number in range(3)))  # a stream, in one transaction
    assert len(registry.outputs.since("s-1", first)) == 3
    assert registry.outputs.full_text("s-1").endswith("test 2 passed\n")
"""

from __future__ import annotations

import sys
from datetime import datetime

from ..clock import from_text, now
from ..errors import InvalidValue
from ..store import Store
from ..table import Record, Table, field
from ..values import identifier, instant_text, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812  the method of that name hides it
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["LONGEST_PIECE", "Output", "Outputs"]

# In characters. A longer output is stored as several, so that neither writing nor reading it needs it whole.
LONGEST_PIECE = 1 << 16
_BATCH = 64


def _of_any_length(name: str, part: Any) -> str:
    return text(name, part, longest=sys.maxsize)


class Output(Record):
    """A piece of a session's output.

    output_id: grows in the order of appending, also between equal instants.
    session_id: whose it is.
    content: at most LONGEST_PIECE characters.
    created_at: aware instant.
    """

    output_id: int
    session_id: str = field(identifier)
    content: str = field(_of_any_length)
    created_at: datetime = field(convert=from_text)


_OUTPUTS = Table("outputs", Output)
_OF_SESSION = "FROM outputs WHERE workspace_id = ? AND session_id = ?"
_SELECT = f"SELECT {_OUTPUTS.columns} {_OF_SESSION}"


class Outputs(Store):
    """`registry.outputs`. Outputs go with their session."""

    __slots__ = ()

    def append(self, session_id: str, content: str | Iterable[str]) -> int:
        """Append text, or the pieces of a stream; the id of the last output made, 0 if there was no text.

        Longer text becomes several outputs of at most LONGEST_PIECE characters, all of them or none. A stream is read
        while the write lock is held: let it come from memory or a file, not from a person. Raises NotFound for a
        session that is not registered.
        """
        identifier("session_id", session_id)
        pieces = _pieces(content)
        instant = now()
        last = 0
        with self._joining():
            self._write("SAVEPOINT append", ())  # the caller's transaction may survive a stream that does not
            try:
                for piece in pieces:
                    self._write(
                        "INSERT INTO outputs (workspace_id, session_id, content, created_at) VALUES (?, ?, ?, ?)",
                        (self._workspace, session_id, piece, instant),
                    )
                    ((last,),) = self._read("SELECT last_insert_rowid()", ())
            except BaseException:
                if self._database.in_transaction:
                    self._write("ROLLBACK TO append", ())
                raise
            self._write("RELEASE append", ())
        return last

    def list(self, session_id: str) -> List[Output]:
        """The session's outputs in the order of appending."""
        return _OUTPUTS.records(
            self._read(_SELECT + " ORDER BY output_id", (self._workspace, identifier("session_id", session_id)))
        )

    def since(self, session_id: str, mark: datetime | int) -> List[Output]:
        """The outputs from an instant on, or after the output with an id: only the latter can neither miss nor repeat
        one.
        """
        if isinstance(mark, datetime):
            condition, value = " AND created_at >= ?", instant_text("mark", mark)
            order = " ORDER BY created_at, output_id"
        else:
            condition, value = " AND output_id > ?", str(whole("mark", mark))
            order = " ORDER BY output_id"
        rows = self._read(_SELECT + condition + order, (self._workspace, identifier("session_id", session_id), value))
        return sorted(_OUTPUTS.records(rows), key=lambda output: output.output_id)

    def pieces(self, session_id: str) -> Iterator[str]:
        """The session's text as it is when the first piece is asked for, piece by piece; at most a batch of pieces is
        in memory at once.
        """
        key = (self._workspace, identifier("session_id", session_id))
        ((end,),) = self._read(f"SELECT max(output_id) {_OF_SESSION}", key)
        after = 0
        while end is not None:
            rows = self._read(
                f"SELECT output_id, content {_OF_SESSION} AND output_id > ? AND output_id <= ? "
                "ORDER BY output_id LIMIT ?",
                (*key, after, end, _BATCH),
            )
            if not rows:
                return
            for after, content in rows:  # noqa: B007  the next batch starts after the last one
                yield content

    def full_text(self, session_id: str) -> str:
        """All of the session's text."""
        return "".join(self.pieces(session_id))

    def delete(self, session_id: str) -> int:
        """Forget the session's outputs; how many there were."""
        return self._write(
            "DELETE FROM outputs WHERE workspace_id = ? AND session_id = ?",
            (self._workspace, identifier("session_id", session_id)),
        )


def _pieces(content: str | Iterable[str]) -> Iterator[str]:
    if isinstance(content, str):
        _of_any_length("content", content)  # before the write lock is taken
        content = (content,)
    elif not hasattr(content, "__iter__") or isinstance(content, bytes):
        raise InvalidValue("content", content, "must be text, or an iterable of text")
    return _cut(content)


def _cut(content: Iterable[str]) -> Iterator[str]:
    for part in content:
        checked = _of_any_length("content", part)
        for start in range(0, len(checked), LONGEST_PIECE):
            yield checked[start : start + LONGEST_PIECE]
