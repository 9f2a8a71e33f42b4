"""The write queue's sidecar deleted under its users."""

from __future__ import annotations

import os

from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue

from ..fault import Fault
from ..scene import Board, Scene
from ..writer import Seen

__all__ = ["SidecarUnlinked"]


class SidecarUnlinked(Fault):
    """Old and new openers stand in two lines: that costs order, never a write."""

    name = "sidecar-unlinked"
    summary = "the queue's sidecar file is deleted while writers stand in line"
    evidence = "DESIGN, the write queue: a deleted sidecar costs order, never a write"

    def unavailable(self, policy: str) -> str:
        """Only the queue has one."""
        return "" if policy == WriteQueue.name else "no sidecar"

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """Delete it."""
        board.begin()
        os.unlink(scene.database + "-queue")
        board.end()
        return "", ()
