"""The runs of the proof, kept line by line, so that nothing that was run is run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pytest_sessionreg.error_base import ResultError

__all__ = ["GateRun", "append_run", "read_runs"]


@dataclass(frozen=True, slots=True)
class GateRun:
    """One run of the gate.

    case: its name; number: from 0 within the case.
    verdict, reason: the gate's.
    ratios: per measure how many times worse.
    seconds: what it took.
    machine: see machine_class.
    load_1m: load average before it.
    """

    case: str
    number: int
    verdict: str
    reason: str
    ratios: dict[str, float]
    seconds: float
    machine: str
    load_1m: float


def append_run(path: str, run: GateRun) -> None:
    """Add a line to the file at `path`."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(run), sort_keys=True) + "\n")


def read_runs(path: str) -> list[GateRun]:
    """The stored runs; a last line that was cut off is dropped from the file. Raises ResultError for anything else."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        with open(path, "r+b") as file:
            file.truncate(len(whole))
    try:
        return [GateRun(**entry) for entry in _entries(whole)]
    except (ValueError, TypeError) as error:
        raise ResultError(f"{path}: no runs of a gate's proof ({error}); name another directory") from None


def _entries(text: bytes) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        yield json.loads(line)
