"""Waiting for a state, as long as a busy machine takes to get there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from time import monotonic, sleep

__all__ = ["wait_until"]

_PATIENCE_S = 120.0


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until `reached`; fail where `process` ends before."""
    deadline = monotonic() + _PATIENCE_S
    while not reached():
        if process is not None:
            assert process.poll() is None, process.communicate()
        assert monotonic() < deadline, "what was waited for did not come about"
        sleep(0.01)
