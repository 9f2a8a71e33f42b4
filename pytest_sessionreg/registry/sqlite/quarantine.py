"""Moving a damaged database aside, with every byte, while no cooperating writer is inside."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from time import monotonic

from ..errors import StorageError, WriteTimeout
from .admission.queue.line import line_of

__all__ = ["quarantine"]

# The log and its index first: an opener that came between would apply the log to whatever lies at the path by then.
_PARTS = ("-wal", "-shm", "-journal", "")


def quarantine(path: str, *, patience_s: float = 5.0) -> list[str]:
    """Rename the database `path` and its -wal, -shm and -journal; their new names, the database's last.

    The names begin with `<path>.damaged-<time>`, and fit each other, so that SQLite and recovery tools open them
    together. The write queue is held meanwhile; its sidecar stays, since it orders those who come to the path next.
    Processes that have the file open raise DatabaseMoved at their next use. Raises WriteTimeout if a writer stays in
    the queue, StorageError if a rename fails.
    """
    line = line_of(path)
    try:
        if line is not None and not line.enter(monotonic() + patience_s):
            message = f"{path}: a writer held the queue for {patience_s:g} s; nothing was moved: end that process first"
            raise WriteTimeout(message, database=path, waited_s=patience_s, busy=None, phase="queue")
        if line is not None:
            line.admitted(0)
        return _renamed(path)
    finally:
        if line is not None:
            line.close()  # which frees the place in line


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
