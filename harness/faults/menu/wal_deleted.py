"""The write-ahead log deleted under its users."""

from __future__ import annotations

import os

from ..fault import Fault
from ..nemesis import Nemesis
from ..target import open_and_write

__all__ = ["WalDeleted"]

_ROWS = 50


class WalDeleted(Fault):
    """Somebody tidies up: the log holds acknowledged writes, and those who have it open go on writing to it while the
    next one begins another (https://www.sqlite.org/howtocorrupt.html, 1.4).
    """

    name = "wal-deleted"
    summary = f"-wal and -shm are deleted under open writers; another process opens, writes {_ROWS} rows, closes"
    may_lose = "the log is part of the database, and who deletes it deletes acknowledged writes"

    def inject(self, nemesis: Nemesis) -> None:
        """Delete them, and have another process come as it finds the file then."""
        nemesis.begin()
        for suffix in ("-wal", "-shm"):
            os.unlink(nemesis.setup.database + suffix)
        nemesis.seen = nemesis.run(open_and_write, nemesis.setup, nemesis.policy, _ROWS)
        nemesis.end()
