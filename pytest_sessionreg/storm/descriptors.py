"""Room for the file descriptors of a large storm: one per worker, where many systems allow 1,024 unless asked."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from ..error_base import StormError

__all__ = ["raise_descriptor_limit"]

# What a storm opens besides: the fork server, ledgers while they are read, libraries, the caller's own.
_BESIDES = 128


@contextmanager
def raise_descriptor_limit(workers: int) -> Iterator[None]:
    """Raise this process's soft limit of open files while the block runs, if `workers` need that.

    Raises StormError where the hard limit forbids it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = workers + _BESIDES + _open_now()
    if soft == resource.RLIM_INFINITY or soft >= needed:
        yield
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise StormError(f"workers={workers}: takes {needed} open files, {hard} are allowed; raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _open_now() -> int:
    return len(os.listdir("/dev/fd"))
