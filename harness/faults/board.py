"""The board: what the processes of a fault run tell each other, in memory that survives a SIGKILL of any of them."""

from __future__ import annotations

import mmap
import os
import select
import struct
from time import monotonic, monotonic_ns

from pytest_sessionreg.error_base import StormError

from .setup import Setup

__all__ = ["COMMITTING", "INSIDE", "IN_LINE", "OPENING", "PHASES", "THINKING", "Board", "WriterCell"]

PHASES = ("not there yet", "opening", "thinking", "in line", "inside", "committing")
_, OPENING, THINKING, IN_LINE, INSIDE, COMMITTING = range(len(PHASES))

# A cell: the phase, and the instant of the last BEGIN that succeeded. The first cell is the board's own: whether the
# writers are to stop, whether the fault has begun.
_CELL = struct.Struct("<B7xQ48x")
_BEGAN = struct.Struct("<Q")
_BEGAN_AT = 8
_STOPPED, _BEGUN = 0, 1


class Board:
    """One cell per writer, two flags that all of them read, and a pipe through which they report."""

    def __init__(self, setup: Setup) -> None:
        self._writers = setup.writers
        with open(setup.board, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._pipe = os.open(setup.reports, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    @staticmethod
    def create(setup: Setup) -> None:
        """Make the board and its pipe, all zero."""
        with open(setup.board, "xb") as file:
            file.write(bytes((setup.writers + 1) * _CELL.size))
        os.mkfifo(setup.reports, 0o600)

    def cell(self, worker: int) -> WriterCell:
        """The cell of one writer, from 0."""
        return WriterCell(self._map, (worker + 1) * _CELL.size)

    def stop(self) -> None:
        """Tell every writer to finish."""
        self._map[_STOPPED] = 1

    @property
    def stopped(self) -> bool:
        """Whether the writers are to finish."""
        return bool(self._map[_STOPPED])

    def begin(self) -> None:
        """Tell every writer that the fault has begun."""
        self._map[_BEGUN] = 1

    @property
    def begun(self) -> bool:
        """Whether the fault has begun."""
        return bool(self._map[_BEGUN])

    def report(self) -> None:
        """Report to wait_for_reports: of a writer, that it has noticed that the fault has begun."""
        os.write(self._pipe, b"n")

    def wait_for_reports(self, patience_s: float) -> None:
        """Until every writer has reported. Raises StormError after `patience_s` seconds."""
        missing = self._writers
        deadline = monotonic() + patience_s
        while missing:
            ready, _, _ = select.select([self._pipe], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                raise StormError(f"{missing} of {self._writers} writers did not notice the fault; run it again")
            missing -= len(os.read(self._pipe, missing))

    def close(self) -> None:
        """Unmap the board."""
        self._map.close()
        os.close(self._pipe)


class WriterCell:
    """Where one process says what it does."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._map = memory
        self._offset = offset

    def enter(self, phase: int) -> None:
        """Be in `phase` from now on."""
        self._map[self._offset] = phase

    def begin(self) -> None:
        """BEGIN has succeeded just now."""
        _BEGAN.pack_into(self._map, self._offset + _BEGAN_AT, monotonic_ns())
        self._map[self._offset] = INSIDE

    def read(self) -> tuple[int, int]:
        """Phase, and instant of the last BEGIN in monotonic nanoseconds."""
        phase, began_ns = _CELL.unpack_from(self._map, self._offset)
        return phase, began_ns
