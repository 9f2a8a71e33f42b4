"""Where the workers of pytest-xdist leave the records of their storms."""

from __future__ import annotations

import os
import pickle
import tempfile

from .record import StormRecord

__all__ = ["Spool"]


class Spool:
    """A directory with a file for each record, which is there at once, so that a crash takes none."""

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
