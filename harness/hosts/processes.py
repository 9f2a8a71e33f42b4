"""The processes that lead to the hosts: those of gateways, and those of attempts that never became one."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import Any

from execnet.gateway_base import ThreadExecModel

__all__ = ["Processes"]

_Process = subprocess.Popen[bytes]


class Processes(ThreadExecModel):
    """execnet on threads, with the processes that it has started: an attempt to reach a host has one before it has a
    gateway.
    """

    PIPE = subprocess.PIPE

    def __init__(self) -> None:
        self._started: list[_Process] = []

    @property
    def subprocess(self) -> Processes:
        """Where execnet finds Popen and PIPE."""
        return self

    def Popen(self, *arguments: Any, **named: Any) -> _Process:  # noqa: N802  as subprocess has it
        """Start a process, and keep it."""
        process: _Process = subprocess.Popen(*arguments, **named)  # noqa: S603  the words are execnet's
        self._started.append(process)
        return process

    def kill(self, patience_s: float) -> None:
        """Kill those that are left, and wait for each until it is gone, at most patience_s."""
        for process in self._started:
            process.kill()  # nothing, where it is known to have ended
        for process in self._started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
