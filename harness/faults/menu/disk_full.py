"""A disk that is full for a while."""

from __future__ import annotations

import os
from time import sleep

from ..fault import Fault
from ..scene import Board, Scene
from ..writer import Seen

__all__ = ["DiskFull"]

_FULL_S = 0.6
_CHUNK = bytes(64 * 1024)


class DiskFull(Fault):
    """Writers must see DiskFull (13), lose nothing that was acknowledged, and go on when there is room again."""

    name = "disk-full"
    summary = f"the disk (a private tmpfs of 4 MiB) is filled for {_FULL_S:g} s"
    evidence = "sqlite.org, SQLITE_FULL"
    disk_kib = 4096

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Fill the disk to the last byte, wait, and make room."""
        path = os.path.join(os.path.dirname(scene.database), "filler")
        board.begin()
        try:
            _fill(path)
            sleep(_FULL_S)
        finally:
            os.unlink(path)
        board.end()
        return "", ()


def _fill(path: str) -> None:
    with open(path, "wb", buffering=0) as filler:
        for chunk in (_CHUNK, _CHUNK[:4096], b"\0"):
            try:
                while filler.write(chunk):
                    pass
            except OSError:
                continue  # full, to within the next smaller chunk
