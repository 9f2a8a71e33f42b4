"""Waiting for a state, as long as a busy machine takes to get there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from time import monotonic, sleep

import psutil

__all__ = ["wait_until", "wait_until_gone"]

_PATIENCE_S = 120.0


def wait_until(reached: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until `reached`; fail where `process` ends before."""
    deadline = monotonic() + _PATIENCE_S
    while not reached():
        if process is not None:
            assert process.poll() is None, process.communicate()
        assert monotonic() < deadline, "what was waited for did not come about"
        sleep(0.01)


def wait_until_gone(pids: Iterable[int]) -> None:
    """Wait until none of the processes runs any more."""
    wait_until(lambda: not any(map(_runs, pids)))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
