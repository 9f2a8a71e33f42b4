"""A stray `close()` of a descriptor of the database: row 1 of the fault menu."""

from __future__ import annotations

from time import sleep

from pytest_sessionreg.registry.registry import Registry

from ..fault import Fault
from ..scene import STORM, Board, Scene
from ..sibling import visit
from ..victim import PATIENCE_S
from ..writer import Seen

__all__ = ["StrayClose"]

_ROWS = 50
_PAUSES = 10


class StrayClose(Fault):
    """POSIX drops all locks that a process has on a file when it closes any descriptor of it. A sibling that closes
    then believes itself the last and unlinks the log that the others have open; the next one begins another. The
    registry notices before it acknowledges a write into the unlinked one.
    """

    name = "stray-close"
    summary = f"every writer calls open(database).close(); a sibling opens and closes, opens again, writes {_ROWS} rows"
    evidence = "FAILURES row 1; sqlite.org, How To Corrupt, 2.2"
    writers = 2

    def noticed(self, scene: Scene, worker: int) -> None:
        """The stray close. Nothing is read or written."""
        del worker
        with open(scene.database, "rb"):
            pass

    def strike(self, scene: Scene, board: Board) -> tuple[str, tuple[Seen, ...]]:
        """When all writers have done it, the sibling comes twice."""
        board.begin()
        board.wait_for_writers(PATIENCE_S)
        Registry.open(scene.database, workspace=STORM, policy=scene.policy).close()
        sleep(
            _PAUSES * scene.think_s
        )  # all go on in the log that is gone: who had not would read the sibling's rows first
        seen = visit(scene, rows=_ROWS)
        board.end()
        return "", seen
