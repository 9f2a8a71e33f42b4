"""A reader that does not let go of its snapshot."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..fault import Fault
from ..nemesis import Nemesis
from ..target import connect

__all__ = ["PinnedReader"]

_PINNED_S = 1.0


class PinnedReader(Fault):
    """No writer may be held up; the log cannot be reused meanwhile, and grows (https://www.sqlite.org/wal.html, 6)."""

    name = "pinned-reader"
    summary = f"a reader keeps its snapshot for {_PINNED_S:g} s, so that the log cannot start over"

    def inject(self, nemesis: Nemesis) -> None:
        """Read, keep the transaction, and look at the size of the log."""
        log = nemesis.setup.database + "-wal"
        target = nemesis.prepare(_read, nemesis.setup.database)
        before = os.stat(log).st_size
        nemesis.begin()
        nemesis.sleep(_PINNED_S)
        after = os.stat(log).st_size
        target.kill()
        nemesis.end()
        nemesis.note = f"log from {before // 1024} to {after // 1024} KiB"


def _read(database: str) -> Callable[[], None]:
    connection = connect(database)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM storm_writes").fetchone()
    return connection.close
