"""Generated ids: unguessable enough to be unique, and in the order of their making."""

from __future__ import annotations

import os
from _thread import allocate_lock  # threading itself is not needed by a cold start
from time import time_ns

__all__ = ["new_id"]

_last = 0
_lock = allocate_lock()


def new_id() -> str:
    """32 hexadecimal digits whose text order is the order of making: 12 of milliseconds, 4 of a counter, 16 of chance.

    The layout of a UUID of version 7 without its fixed bits (RFC 9562, 5.7). Within one process no id sorts before an
    earlier one, whichever thread made it, also when the clock is set back.
    """
    global _last  # noqa: PLW0603  the counter is the process's own
    with _lock:
        stamp = _last = max((time_ns() // 1_000_000) << 16, _last + 1)
    return f"{stamp:016x}{os.urandom(8).hex()}"


def _after_fork_in_child() -> None:
    """A thread that the child does not have may have held the lock."""
    global _lock  # noqa: PLW0603  the lock is the process's own
    _lock = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
