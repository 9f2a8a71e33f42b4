"""One scene: a database, the processes that write to it, and what they tell each other while a fault strikes."""

from __future__ import annotations

import mmap
import os
import select
import struct
from dataclasses import dataclass
from time import monotonic, monotonic_ns

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

__all__ = ["GHOST", "STORM", "Board", "Scene"]

# The name under which every scene writes its rows; each has a database of its own.
STORM = "faults"
# Rows of a transaction that is killed before its COMMIT carry this worker number: none may ever be found.
GHOST = 999_999

_INSTANTS = struct.Struct("<QQ")
_CULPRITS_LEDGERS = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """What every process of one scene knows.

    database: path of the file under test. scratch: directory outside of any fault, for ledgers and the board. writers:
    how many write meanwhile. hold_s: slept in each of their transactions. think_s: their mean pause. tail_s: how long
    they write on after the fault has ended. longest_s: when they stop in any case. keeper: pid of the process in whose
    mount namespace the database lies, None where it lies in everybody's. unprivileged: whether the processes give up
    root's right to ignore permissions.
    """

    database: str
    scratch: str
    policy: AdmissionPolicy
    writers: int
    seed: int
    hold_s: float
    think_s: float
    tail_s: float
    longest_s: float
    keeper: int | None = None
    unprivileged: bool = False

    @property
    def ledgers(self) -> list[str]:
        """One per writer, and those of the culprit's own children."""
        return [os.path.join(self.scratch, f"{number}.ledger") for number in range(self.writers + _CULPRITS_LEDGERS)]

    @property
    def board(self) -> str:
        """Path of the board."""
        return os.path.join(self.scratch, "board")

    @property
    def reports(self) -> str:
        """Path of the pipe through which the writers report to the culprit."""
        return os.path.join(self.scratch, "reports")


class Board:
    """When the fault began and ended, in monotonic nanoseconds, 0 for not yet: a mapped file that all processes see,
    and a pipe through which each writer reports that it has noticed.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        with open(scene.board, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), _INSTANTS.size)
        self._pipe = os.open(scene.reports, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    @staticmethod
    def create(scene: Scene) -> None:
        """Make the board and its pipe in the scratch directory."""
        with open(scene.board, "xb") as file:
            file.write(bytes(_INSTANTS.size))
        os.mkfifo(scene.reports, 0o600)

    @property
    def instants(self) -> tuple[int, int]:
        """Begun and ended."""
        begun, ended = _INSTANTS.unpack(self._map)
        return int(begun), int(ended)

    def begin(self) -> None:
        """The fault begins now."""
        _INSTANTS.pack_into(self._map, 0, monotonic_ns(), 0)

    def end(self) -> None:
        """The fault ends now."""
        _INSTANTS.pack_into(self._map, 0, self.instants[0], monotonic_ns())

    def report(self) -> None:
        """A writer has noticed that the fault has begun."""
        os.write(self._pipe, b"n")

    def wait_for_writers(self, patience_s: float) -> None:
        """Until every writer has reported. Raises StormError after `patience_s` seconds."""
        missing = self._scene.writers
        deadline = monotonic() + patience_s
        while missing:
            ready, _, _ = select.select([self._pipe], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                raise StormError(f"{missing} of {self._scene.writers} writers did not notice the fault; run it again")
            missing -= len(os.read(self._pipe, missing))

    def close(self) -> None:
        """Unmap the board."""
        self._map.close()
        os.close(self._pipe)
