"""A directory that becomes read-only for a while."""

from __future__ import annotations

import os
from time import monotonic, sleep

from ..fault import Fault
from ..scene import Board, Scene
from ..writer import RegistryWriter, Seen, Writer

__all__ = ["ReadOnlyDirectory"]

_READ_ONLY_S = 0.6
_READ_ONLY = 0o500
_SEARCH_S = 5.0


class ReadOnlyDirectory(Fault):
    """Writers that open the file anew for each write, as hooks do, cannot create its log any more."""

    name = "read-only-directory"
    summary = f"chmod 0500 of the directory for {_READ_ONLY_S:g} s; every write opens the file anew"
    evidence = "sqlite.org, Write-Ahead Logging, 8: read-only databases"
    unprivileged = True
    writers = 2

    def writer(self, scene: Scene, worker: int) -> Writer:
        """Open, write, close."""
        return RegistryWriter(scene, worker, reopens=True)

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Take the right to create files away at an instant at which there is no log."""
        directory = os.path.dirname(scene.database)
        log = scene.database + "-wal"
        deadline = monotonic() + _SEARCH_S
        try:
            while True:
                os.chmod(directory, _READ_ONLY)
                if not os.path.exists(log) or monotonic() > deadline:
                    break
                os.chmod(directory, 0o700)
                sleep(0.0003)
            board.begin()
            found = not os.path.exists(log)
            sleep(_READ_ONLY_S)
        finally:
            os.chmod(directory, 0o700)
        board.end()
        return "" if found else "the log was there throughout", ()
