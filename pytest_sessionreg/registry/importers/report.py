"""What an import did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ImportReport", "Malformed"]


@dataclass(frozen=True, slots=True)
class Malformed:
    """One record that was skipped.

    file: the path of its file. line: where it starts, from 1; None in a database, where the reason names table and row.
    reason: what is wrong with it, in one line.
    """

    file: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or under dry_run would do.

    source: the absolute path without symbolic links; for Orbit the `.orbit` directory. kind: that of
    its `Layout`, such as "ccr" or "orbit database". imported: rows written, by store (the keys of `part.KEYS`); a store
    without any is left out. repeated: likewise, records left out because the registry, or the source itself, had one of
    that id. malformed: the records skipped. already_imported: an earlier import took all of it, so that this one did
    nothing. dry_run: nothing was written.
    """

    source: str
    kind: str
    imported: Mapping[str, int]
    repeated: Mapping[str, int]
    malformed: tuple[Malformed, ...]
    already_imported: bool
    dry_run: bool
