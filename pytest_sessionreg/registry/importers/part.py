"""One source as it was read: its records, checked, and what was wrong with the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidValue
from .report import Malformed

__all__ = ["KEYS", "Layout", "Part", "SourceRecord"]

# The columns beside workspace_id that tell the rows of a store apart.
KEYS: dict[str, tuple[str, ...]] = {
    "sessions": ("session_id",),
    "tokens": ("token_hash",),
    "agents": ("name",),
    "runs": ("run_id",),
    "audit": ("event_id",),
    "jobs": ("run_id",),
    "job_steps": ("run_id", "step"),
    "learning": ("session_id",),
}


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One row to be: its store, its workspace, its values as the database stores them, and where it was found."""

    store: str
    workspace: str
    values: dict[str, Any]
    file: str
    line: int | None
    place: str

    @property
    def key(self) -> tuple[Any, ...]:
        """What no other row may share."""
        return (self.store, self.workspace, *(self.values[column] for column in KEYS[self.store]))


class Part:
    """What was read from one source that has a marker of its own."""

    def __init__(self, kind: str, path: str, workspace: str) -> None:
        self.kind = kind
        self.path = path
        self.workspace = workspace
        self.malformed: list[Malformed] = []
        self.repeated: Counter[str] = Counter()
        self._records: dict[tuple[Any, ...], SourceRecord] = {}
        self._file = path
        self._line: int | None = None
        self._place = ""

    @contextmanager
    def record(self, file: str, line: int | None, place: str = "") -> Iterator[None]:
        """Around the reading of one record: what makes it malformed is noted, with its place, and reading goes on."""
        before = self._file, self._line, self._place
        self._file, self._line, self._place = file, line, place
        try:
            yield
        except InvalidValue as error:
            self.reject(str(error).removesuffix("; nothing was written"))
        except RecursionError:
            self.reject("is nested too deeply")
        finally:
            self._file, self._line, self._place = before

    def reject(self, reason: str) -> None:
        """Note that the record being read is malformed."""
        self.malformed.append(Malformed(self._file, self._line, self._place + reason))

    def add(
        self, store: str, values: dict[str, Any], *, workspace: str | None = None, first_wins: bool = False
    ) -> None:
        """Add the record being read. Of several of one id the last counts, as it did in the old stores."""
        record = SourceRecord(store, workspace or self.workspace, values, self._file, self._line, self._place)
        if record.key in self._records:
            self.repeated[store] += 1
            if first_wins:
                return
        self._records[record.key] = record

    def records(self) -> Iterator[SourceRecord]:
        """The records, in the order of the source."""
        return iter(self._records.values())


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which an old store kept its data.

    kind: its name in the report. looked_for: what makes a path one of it, for people. sources: the marked sources that
    a path stands for, none where it is something else. read: all records of one source, for a workspace.
    """

    kind: str
    looked_for: str
    sources: Callable[[str], list[str]]
    read: Callable[[str, str], Part]
