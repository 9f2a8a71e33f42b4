"""A stray `close()` of a descriptor of the database."""

from __future__ import annotations

from ..fault import Fault
from ..nemesis import Nemesis
from ..setup import Setup
from ..target import open_and_write
from ..writer_process import OnBegin

__all__ = ["StrayClose"]

_ROWS = 50
# Some ten writes of each writer.
_PAUSE_S = 0.1


def _close_stray(setup: Setup, _worker: int) -> None:
    with open(setup.database, "rb"):
        pass  # nothing is read or written


class StrayClose(Fault):
    """POSIX drops all locks that a process has on a file when it closes any descriptor of it
    (https://www.sqlite.org/howtocorrupt.html, 2.2). Another process that closes then believes itself the last and
    unlinks the log that the others have open; the next one begins another. The registry notices before it acknowledges
    a write into the unlinked one.
    """

    name = "stray-close"
    summary = (
        f"every writer calls open(database).close(); another process opens and closes, opens again, writes {_ROWS} rows"
    )
    writers = 2

    def on_begin(self) -> OnBegin:
        """The stray close."""
        return _close_stray

    def inject(self, nemesis: Nemesis) -> None:
        """When all writers have done it, the other process comes twice."""
        nemesis.begin()
        nemesis.wait_for_writers()
        nemesis.run(open_and_write, nemesis.setup, nemesis.policy, 0)
        nemesis.sleep(_PAUSE_S)  # the writers go on in the unlinked log; one that had not would read the other's rows
        nemesis.seen = nemesis.run(open_and_write, nemesis.setup, nemesis.policy, _ROWS)
        nemesis.end()
