"""A group of worker processes: started together, let go at one gate, collected before one deadline, then gone."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from enum import Enum
from multiprocessing.connection import Connection, wait
from time import monotonic, monotonic_ns
from types import ModuleType, TracebackType
from typing import Any, Self, cast

from .errors import DeadlinePassed, WorkerDied, WorkerFailed
from .launcher import ForkServer, Launcher, Spawner
from .message import FAILURE, GO, READY, VALUE, Failure
from .payload import Call, dumps

__all__ = ["Group", "StartMethod"]

_TICK_S = 0.1


class StartMethod(Enum):
    """How workers are started. Never by a plain fork of the caller, who may have threads and open databases."""

    FORKSERVER = "forkserver"
    SPAWN = "spawn"

    @classmethod
    def default(cls) -> StartMethod:
        """FORKSERVER where processes can fork, else SPAWN."""
        return cls.FORKSERVER if hasattr(os, "fork") else cls.SPAWN


class Group:
    """A context manager around `calls`, one worker each. Leaving it kills what is left and waits until it is gone.

    deadline_s: for everything from the start on, in seconds. preload: modules that the fork server imports once for all
    workers. scratch: a directory of the caller's that the fork server removes should the caller be killed. by_value: a
    module whose functions travel whole (see payload). Use: `with Group(calls, deadline_s=30) as group: group.run()`.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        *,
        deadline_s: float,
        preload: Sequence[str] = (),
        scratch: str | None = None,
        by_value: ModuleType | None = None,
        start_method: StartMethod | None = None,
    ) -> None:
        if not calls:
            raise ValueError("calls=(): a group needs at least one worker")
        self._payloads = [dumps(call, by_value=by_value) for call in calls]
        self._preload = preload
        self._scratch = scratch
        self._start_method = start_method or StartMethod.default()
        self._deadline_s = deadline_s
        self._deadline = monotonic() + deadline_s
        self._launcher: Launcher | None = None
        self._connections: list[Connection] = []
        self.pids: list[int] = []

    def __enter__(self) -> Self:
        forked = self._start_method is StartMethod.FORKSERVER
        self._deadline = monotonic() + self._deadline_s
        self._launcher = ForkServer(self._preload, self._scratch) if forked else Spawner()
        try:
            for payload in self._payloads:
                connection, pid = self._launcher.launch()
                self._connections.append(connection)
                self.pids.append(pid)
                connection.send_bytes(payload)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def run(self, on_tick: Callable[[], None] | None = None) -> list[Any]:
        """Wait for all at the gate, open it, and collect the results in the order of the calls.

        on_tick is called about ten times a second meanwhile. Raises WorkerFailed, WorkerDied or DeadlinePassed.
        """
        self.wait_until_ready()
        self.open_gate()
        return self.results(on_tick)

    def wait_until_ready(self) -> None:
        """Wait until every worker stands at the gate. One that fails to get there ends the wait for all."""
        self._collect(READY, "preparing", None)

    def open_gate(self) -> int:
        """Let every worker go; the monotonic instant just before, in nanoseconds."""
        opened_ns = monotonic_ns()
        for connection in self._connections:
            try:
                connection.send_bytes(GO)
            except OSError:
                continue  # it died at the gate, which `results` will tell
        return opened_ns

    def results(self, on_tick: Callable[[], None] | None = None) -> list[Any]:
        """Every worker's result, in the order of the calls."""
        answers = self._collect(VALUE, "running", on_tick)
        return [pickle.loads(answers[index]) for index in range(len(self._payloads))]  # noqa: S301  our own workers wrote it

    def _collect(self, wanted: bytes, phase: str, on_tick: Callable[[], None] | None) -> dict[int, bytes]:
        """One answer of kind `wanted` from each worker, by worker number."""
        waiting = {connection: index for index, connection in enumerate(self._connections)}
        answers: dict[int, bytes] = {}
        failures: dict[int, Failure] = {}
        dead: list[int] = []
        while waiting:
            remaining_s = self._deadline - monotonic()
            if remaining_s <= 0:
                raise DeadlinePassed(tuple(sorted(waiting.values())), self._deadline_s, phase)
            patience_s = remaining_s if on_tick is None else min(_TICK_S, remaining_s)
            ready = cast(list[Connection], wait(list(waiting), patience_s))
            if on_tick is not None:
                on_tick()
            for connection in ready:
                index = waiting.pop(connection)
                try:
                    answer = connection.recv_bytes()
                except (EOFError, OSError):
                    dead.append(index)
                    continue
                if answer[:1] == FAILURE:
                    failures[index] = pickle.loads(answer[1:])  # noqa: S301  our own worker wrote it
                else:
                    answers[index] = answer[1:]
            if wanted == READY and (failures or dead):
                break  # nobody starts if one cannot
        if failures:
            raise WorkerFailed(failures, len(self._payloads))
        if dead:
            raise WorkerDied({index: self._exit_status(index) for index in dead}, len(self._payloads))
        return answers

    def _exit_status(self, index: int) -> int | None:
        return None if self._launcher is None else self._launcher.exit_status(self.pids[index])

    def _end(self) -> None:
        launcher, self._launcher = self._launcher, None
        try:
            if launcher is not None:
                launcher.end()
        finally:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
