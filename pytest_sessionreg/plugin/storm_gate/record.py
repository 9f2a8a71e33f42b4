"""What a test's storm leaves for the end of the run; it outlives the process that ran it."""

from __future__ import annotations

import os
import pickle
import tempfile
from dataclasses import dataclass

from ...gate.judgement import Judgement
from ...gate.measurement import Measurement

__all__ = ["Spool", "StormRecord"]


@dataclass(frozen=True, slots=True)
class StormRecord:
    """One storm of a test.

    name: the test's node id, with a number from the second storm of a test on.
    writes, lost, given_up: over all its rounds; given_up are those that are exhausted; lost is None where nobody could
        check.
    over: what the storm budget says of it, None within its limits.
    unchecked: limits of the ini file without a figure, as sentences.
    judgement: the gate's, None where it is off.
    measured: the class of the machine and what the baseline is to hold, where it is updated; refused: why it is not.
    unreported: what its report lacks because no extra brought it.
    """

    name: str
    writes: int
    lost: int | None
    given_up: int
    over: str | None = None
    unchecked: tuple[str, ...] = ()
    judgement: Judgement | None = None
    measured: tuple[str, Measurement] | None = None
    refused: str | None = None
    unreported: str | None = None


class Spool:
    """Where the workers of pytest-xdist leave their records: a file for each, at once, so that a crash takes none."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def add(self, record: StormRecord) -> None:
        """Store `record`; it appears whole or not at all."""
        descriptor, temporary = tempfile.mkstemp(dir=self.directory, suffix=".new")
        with open(descriptor, "wb") as file:
            pickle.dump(record, file)
        os.replace(temporary, f"{temporary.removesuffix('.new')}.storm")

    def records(self) -> list[StormRecord]:
        """All records, in the order of their names."""
        found: list[StormRecord] = []
        for name in os.listdir(self.directory):
            if name.endswith(".storm"):
                with open(os.path.join(self.directory, name), "rb") as file:
                    found.append(pickle.load(file))  # noqa: S301  our own workers wrote it, in a directory of ours
        return sorted(found, key=lambda record: record.name)
