"""Moving a damaged database aside, with every byte, while nobody writes to it."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from ..errors import StorageError, WriteTimeout
from .admission.queue.kernel_locks import writer
from .admission.write_queue import WriteQueue

__all__ = ["quarantine"]

# The log and its index first: an opener that came between would apply the log to whatever lies at the path by then.
_PARTS = ("-wal", "-shm", "-journal", "")


def quarantine(path: str, *, patience_s: float = 5.0) -> list[str]:
    """Rename the database `path` and its -wal, -shm and -journal; their new names, the database's last.

    The names begin with `<path>.damaged-<time>`, and fit each other, so that SQLite and recovery tools open them
    together. It is done in turn, when nobody writes; the queue's files stay, for they order those who come next.
    Processes that have the file open raise DatabaseMoved at their next use, and so does one that begins a write
    meanwhile. Raises WriteTimeout if somebody keeps the write lock, StorageError if a rename fails.
    """
    admission = WriteQueue(patience=patience_s).bind(path)
    try:
        try:
            admission.admit(lambda: writer(path) is None)
        except WriteTimeout as error:
            raise WriteTimeout(
                f"{error}; nothing was moved",
                database=path,
                waited_s=error.waited_s,
                busy=None,
                phase=error.phase,
                place=error.place,
                holder=error.holder,
            ) from None
        return _renamed(path)
    finally:
        admission.leave()
        admission.close()


def _renamed(path: str) -> list[str]:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    moved: list[str] = []
    for part in _PARTS:
        target = f"{path}.damaged-{stamp}{part}"
        try:
            os.rename(path + part, target)
        except FileNotFoundError:
            continue
        except OSError as error:
            message = f"{path}{part}: cannot be moved ({error.strerror}); moved so far: {', '.join(moved) or 'nothing'}"
            raise StorageError(message, database=path) from error
        moved.append(target)
    return moved
