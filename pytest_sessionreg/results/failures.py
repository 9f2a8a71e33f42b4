"""What the caller's own code raised: the first traceback of each kind, and how often it came."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from ..processes.user_frames import place_raised, user_traceback

__all__ = ["FailureLog", "WriteFailure", "merge_failures", "read_failures"]


@dataclass(frozen=True, slots=True)
class WriteFailure:
    """One kind of failure: the same exception from the same line.

    kind: the exception's qualified name.
    place: "file:line" where it was raised.
    message, traceback: of the first one, as Python prints it.
    count: how often it came; where a worker was killed, at least so often.
    worker, sequence: the write that failed first.
    exhausted: whether SQLITE_BUSY was behind it, so that these writes count as given up.
    """

    kind: str
    place: str
    message: str
    traceback: str
    count: int
    worker: int
    sequence: int
    exhausted: bool = False

    def line(self) -> str:
        """The failure in one line."""
        message = " ".join(self.message.split())
        return f"{self.kind}{': ' if message else ''}{message} ({self.place})"


class FailureLog:
    """One worker's failures, in a file that outlives it. There is no file while nothing failed."""

    def __init__(self, path: str, worker: int) -> None:
        self._path = path
        self._worker = worker
        self._failures: dict[tuple[str, str, bool], WriteFailure] = {}

    def add(self, error: BaseException, sequence: int, *, exhausted: bool = False) -> None:
        """Count `error`, raised by the write `sequence`."""
        kind = type(error)
        place = place_raised(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        known = self._failures.get((name, place, exhausted))
        if known is not None:
            self._failures[name, place, exhausted] = replace(known, count=known.count + 1)
            return
        self._failures[name, place, exhausted] = WriteFailure(
            name, place, str(error), user_traceback(error), 1, self._worker, sequence, exhausted
        )
        self.save()

    def save(self) -> None:
        """Write the failures down; the file is replaced as a whole."""
        if not self._failures:
            return
        with suppress(OSError):  # a full disk: the ledger has the number of failures, their text is lost
            with open(f"{self._path}.new", "w", encoding="utf-8") as file:
                json.dump([asdict(failure) for failure in self._failures.values()], file)
            os.replace(f"{self._path}.new", self._path)


def read_failures(paths: Sequence[str]) -> tuple[WriteFailure, ...]:
    """The failures in the logs at `paths`, equal ones added up, the most frequent first."""
    found: list[WriteFailure] = []
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                found += [WriteFailure(**entry) for entry in json.load(file)]
        except FileNotFoundError:
            continue
    return merge_failures(found)


def merge_failures(failures: Iterable[WriteFailure]) -> tuple[WriteFailure, ...]:
    """`failures` with equal ones added up, the most frequent first."""
    kinds: dict[tuple[str, str, bool], WriteFailure] = {}
    for failure in failures:
        key = failure.kind, failure.place, failure.exhausted
        known = kinds.get(key)
        kinds[key] = failure if known is None else replace(known, count=known.count + failure.count)
    return tuple(sorted(kinds.values(), key=lambda failure: -failure.count))
