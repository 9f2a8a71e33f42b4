"""What callers saw: errors by kind and code, and warnings."""

from __future__ import annotations

import sqlite3
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Seen", "Tally", "count_warnings"]


@dataclass(frozen=True, slots=True)
class Seen:
    """An error as the caller saw it.

    kind: the exception's name.
    code: SQLite's extended result code, None where SQLite had no part in it.
    count: how often.
    """

    kind: str
    code: int | None
    count: int

    def __str__(self) -> str:
        return f"{self.kind}{'' if self.code is None else f' {self.code}'}"


class Tally:
    """Counts errors by kind and code."""

    def __init__(self, seen: Iterable[Seen] = ()) -> None:
        self._counts: Counter[tuple[str, int | None]] = Counter()
        for entry in seen:
            self._counts[entry.kind, entry.code] += entry.count

    def add(self, error: BaseException) -> None:
        """One more of `error`'s kind."""
        code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
        self._counts[type(error).__name__, getattr(error, "code", code)] += 1

    def seen(self) -> tuple[Seen, ...]:
        """All, most frequent first."""
        return tuple(Seen(kind, code, count) for (kind, code), count in self._counts.most_common())


def count_warnings() -> list[object]:
    """Collect the warnings of this process from now on, instead of printing them."""
    warned: list[object] = []
    warnings.showwarning = lambda *words, **_: warned.append(words[0])
    return warned
