"""What stops an import as a whole; a single bad record does not."""

from __future__ import annotations

from ..errors import RegistryError

__all__ = ["UnknownSource", "UnreadableSource"]


class UnknownSource(RegistryError):
    """The path is none of the old stores' layouts, or does not exist. Nothing was imported."""


class UnreadableSource(RegistryError):
    """A file of the source cannot be read as what it should be. Nothing was imported.

    `file` is its path, `line` the line where reading ended, from 1, or None where lines have no meaning.
    """

    def __init__(self, reason: str, *, file: str, line: int | None = None) -> None:
        where = file if line is None else f"{file}, line {line}"
        super().__init__(f"{where}: {reason}", database=file)
        self.reason = reason
        self.file = file
        self.line = line
