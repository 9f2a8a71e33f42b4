"""The processes of a campaign: each can be stopped, killed and replaced by itself."""

from __future__ import annotations

import os
import pickle
import select
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from time import monotonic, monotonic_ns, sleep
from types import TracebackType
from typing import Any, Self

from pytest_sessionreg.processes import Call, DeadlinePassed, WorkerDied, WorkerFailed, WorkerFailure
from pytest_sessionreg.processes.launcher import ForkServer
from pytest_sessionreg.processes.message import FAILURE, GO
from pytest_sessionreg.processes.payload import dumps

__all__ = ["Crew", "Worker"]

_PRELOAD = ("tests.campaigns.writer", "tests.campaigns.waiter", "tests.campaigns.holder")


class Worker:
    """One process of a crew."""

    def __init__(self, pid: int, connection: Connection, deadline: float) -> None:
        self.pid = pid
        self._connection = connection
        self._deadline = deadline
        self._at_gate = False
        self._died = os.pidfd_open(pid)

    def wait_at_gate(self) -> None:
        """Wait until it has prepared itself."""
        self._answer("preparing")
        self._at_gate = True

    def go(self) -> None:
        """Open its gate."""
        self._connection.send_bytes(GO)

    def result(self) -> Any:
        """What its function returned. Raises WorkerFailed, WorkerDied or DeadlinePassed."""
        if not self._at_gate:
            self.wait_at_gate()
        answer = self._answer("running")
        return pickle.loads(answer[1:])

    def has_result(self, seconds: float = 0) -> bool:
        """Whether `result` would not wait."""
        deadline = monotonic() + seconds
        if not self._at_gate and self._connection.poll(seconds):
            self.wait_at_gate()
        return self._at_gate and self._connection.poll(max(deadline - monotonic(), 0))

    def kill(self) -> tuple[int, int]:
        """SIGKILL; the monotonic instants just before it, and when the kernel said that the process is gone."""
        killed_ns = monotonic_ns()
        os.kill(self.pid, signal.SIGKILL)
        return killed_ns, self.wait_gone()

    def wait_gone(self) -> int:
        """Wait until the process is gone; the instant at which that was seen."""
        select.select([self._died], [], [], max(self._deadline - monotonic(), 0))
        return monotonic_ns()

    def stop(self) -> int:
        """SIGSTOP; the instant from which on it certainly stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        while self.state() not in "TtZX":
            sleep(0.0001)
        return monotonic_ns()

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def state(self) -> str:
        """Its state letter of proc(5), X if it is gone."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
                return file.read().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return "X"

    def close(self) -> None:
        self._connection.close()
        os.close(self._died)

    def _answer(self, phase: str) -> bytes:
        remaining_s = self._deadline - monotonic()
        if not self._connection.poll(max(remaining_s, 0)):
            raise DeadlinePassed((0,), -remaining_s, phase)
        try:
            answer = self._connection.recv_bytes()
        except (EOFError, OSError):
            raise WorkerDied({0: None}, 1) from None
        if answer[:1] == FAILURE:
            failure: WorkerFailure = pickle.loads(answer[1:])
            raise WorkerFailed({0: failure}, 1)
        return answer


class Crew:
    """A context manager that starts workers one by one; leaving it kills what is left and waits until it is gone.

    deadline_s: for all of it together.
    """

    def __init__(self, *, deadline_s: float, preload: Sequence[str] = _PRELOAD) -> None:
        self._deadline = monotonic() + deadline_s
        self._launcher = ForkServer(preload, None, deadline_s=deadline_s)
        self._workers: list[Worker] = []

    def start(self, call: Call, *, wait: bool = False) -> Worker:
        """A process that prepares `call` and runs it; with `wait`, not before its gate is opened."""
        connection, pid = self._launcher.launch()
        worker = Worker(pid, connection, self._deadline)
        self._workers.append(worker)
        connection.send_bytes(dumps(call))
        if not wait:
            worker.go()
        return worker

    def status(self, worker: Worker) -> int | None:
        """The exit status of a worker that is gone, negative for a signal."""
        return self._launcher.exit_status(worker.pid)

    def bury(self, worker: Worker) -> None:
        """Reap a worker that is gone."""
        self._launcher.exit_status(worker.pid)
        worker.close()
        self._workers.remove(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._launcher.end()
        for worker in self._workers:
            worker.close()
