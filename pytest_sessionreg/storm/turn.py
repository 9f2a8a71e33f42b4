"""One machine, one storm: storms of several processes take turns, because two at once would measure each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["storm_turn"]

_OURS = threading.RLock()
_depth = 0


@contextmanager
def storm_turn() -> Iterator[None]:
    """Hold this user's turn on this machine, once nobody else does; a turn within one's own is at once.

    The lock is the kernel's (`flock` on a file in the temporary directory) and ends with its process, however that
    ends. Whoever waits is woken; there is no deadline, because storms have theirs.
    """
    global _depth  # noqa: PLW0603  one lock per process
    with _OURS:
        if _depth:
            yield
            return
        path = os.path.join(tempfile.gettempdir(), f"sessionreg-storm-{os.getuid()}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _depth += 1
            try:
                yield
            finally:
                _depth -= 1
        finally:
            os.close(descriptor)
