"""What each writer is doing just now, in memory that a campaign shares with all of them and that survives a SIGKILL."""

from __future__ import annotations

import mmap
import os
import struct

__all__ = ["COMMITTING", "INSIDE", "IN_LINE", "OPENING", "PHASES", "THINKING", "Board", "Cell"]

PHASES = ("not there yet", "opening", "thinking", "in line", "inside", "committing")
_, OPENING, THINKING, IN_LINE, INSIDE, COMMITTING = range(len(PHASES))

# One cell: the phase, the instant of the last BEGIN that succeeded, the ticket last taken.
_CELL = struct.Struct("<B7xQQ40x")
_BEGUN = struct.Struct("<Q")
# The first cell is the board's own: its phase says that all should stop.
_STOP = b"\1"


class Board:
    """Cells for `count` writers in the file `path`, made if missing; all zero at first."""

    def __init__(self, path: str, count: int) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, (count + 1) * _CELL.size)
            self._map = mmap.mmap(descriptor, (count + 1) * _CELL.size)
        finally:
            os.close(descriptor)

    def cell(self, writer: int) -> Cell:
        """The cell of one writer, from 0."""
        return Cell(self._map, (writer + 1) * _CELL.size)

    def stop(self) -> None:
        """Tell every writer to finish."""
        self._map[0:1] = _STOP

    @property
    def stopped(self) -> bool:
        return self._map[0:1] == _STOP


class Cell:
    """Where one writer says what it does."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._map = memory
        self._offset = offset

    def enter(self, phase: int) -> None:
        """Be in `phase` from now on."""
        self._map[self._offset] = phase

    def begin(self, instant_ns: int) -> None:
        """BEGIN succeeded at `instant_ns`."""
        _BEGUN.pack_into(self._map, self._offset + 8, instant_ns)
        self._map[self._offset] = INSIDE

    def take(self, ticket: int) -> None:
        """`ticket` was taken."""
        _BEGUN.pack_into(self._map, self._offset + 16, ticket)

    def read(self) -> tuple[int, int, int]:
        """Phase, instant of the last BEGIN, last ticket."""
        phase, begun_ns, ticket = _CELL.unpack_from(self._map, self._offset)
        return phase, begun_ns, ticket
