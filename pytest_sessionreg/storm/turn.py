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
    """Hold the turn on this machine, once nobody else does; a turn within one's own is at once.

    The lock is the kernel's (`flock` on the temporary directory itself, so that no file is left) and ends with its
    process, however that ends. A waiter is woken; there is no deadline, because storms have theirs.
    """
    global _depth  # noqa: PLW0603  one lock per process
    with _OURS:
        if _depth:
            yield
            return
        descriptor = os.open(tempfile.gettempdir(), os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _depth += 1
            try:
                yield
            finally:
                _depth -= 1
        finally:
            os.close(descriptor)
