"""A group of worker processes: started together or one by one, collected before one deadline, then gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from multiprocessing.connection import Connection, wait
from time import monotonic_ns
from types import ModuleType, TracebackType
from typing import Any, Self, cast, overload

from .deadline import Deadline
from .errors import DeadlinePassed, GroupEmpty, GroupEnded, WorkerEnded
from .launcher import ForkServer, Launcher, Spawner
from .payload import Call, dumps
from .worker import TICK_S, Worker, raise_failures

__all__ = ["Group", "StartMethod"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's


class StartMethod(Enum):
    """How workers are started. Never by a plain fork of the caller, who may have threads and open databases."""

    FORKSERVER = "forkserver"
    SPAWN = "spawn"

    @classmethod
    def default(cls) -> StartMethod:
        """FORKSERVER where processes can fork, else SPAWN."""
        return cls.FORKSERVER if hasattr(os, "fork") else cls.SPAWN


class Group(Sequence[Worker]):
    """A context manager around `calls`, one worker each; a sequence of its workers. Leaving it kills what is left and
    waits until it is gone. `add` starts one more later.

    calls: those that start together; none where all are added.
    deadline_s: for everything from the start on, in seconds.
    preload: modules that the fork server imports once for all workers; preload_if_used: those that it imports only if
        the calls, pickled, name them, and if they can be.
    scratch: a directory of the caller's that the fork server removes should the caller be killed.
    by_value: a module, or several, whose functions travel whole (see payload).

    Use: `with Group(calls, deadline_s=30) as group: group.run()`.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        *,
        deadline_s: float,
        preload: Sequence[str] = (),
        preload_if_used: Sequence[str] = (),
        scratch: str | None = None,
        by_value: ModuleType | Sequence[ModuleType] | None = None,
        start_method: StartMethod | None = None,
    ) -> None:
        self._by_value = [by_value] if isinstance(by_value, ModuleType) else by_value or []
        self._payloads = [dumps(call, by_value=self._by_value) for call in calls]
        used = [name for name in preload_if_used if any(name.encode() in payload for payload in self._payloads)]
        self._preload, self._attempt = list(preload), used
        self._scratch = scratch
        self._start_method = start_method or StartMethod.default()
        self._deadline = Deadline(deadline_s)
        self._launcher: Launcher | None = None
        self._workers: list[Worker] = []
        self._ended = False

    def __len__(self) -> int:
        return len(self._payloads)

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers)

    @overload
    def __getitem__(self, index: int) -> Worker: ...
    @overload
    def __getitem__(self, index: slice) -> list[Worker]: ...
    def __getitem__(self, index: int | slice) -> Worker | list[Worker]:
        return self._workers[index]

    @property
    def pids(self) -> list[int]:
        """The workers' pids, in the order of the calls."""
        return [worker.pid for worker in self._workers]

    @property
    def alive(self) -> list[Worker]:
        """The workers that have not ended."""
        return [worker for worker in self._workers if worker.alive]

    def start(self) -> None:
        """Start the processes, which entering the context does. Their functions wait for the barrier."""
        seconds = self._deadline.seconds
        self._deadline = Deadline(seconds)
        forked = self._start_method is StartMethod.FORKSERVER
        try:
            self._launcher = (
                ForkServer(self._preload, self._scratch, seconds, attempt=self._attempt) if forked else Spawner(seconds)
            )
            for payload in self._payloads:
                self._launch(self._launcher, payload)
        except BaseException:
            self.end()
            raise

    def add(self, call: Call) -> Worker:
        """Start one more worker, the last of the sequence from now on, under the same deadline and end as the others.

        It prepares itself and waits at the barrier: for `worker.release()`, or for the next `release()` of the group.
        Raises GroupEnded for a group that has not started or has ended, and ProcessError.
        """
        if self._launcher is None:
            raise GroupEnded("a worker was added to a group that does not run; add it inside the `with` block")
        payload = dumps(call, by_value=self._by_value)
        self._payloads.append(payload)
        return self._launch(self._launcher, payload)

    def __enter__(self) -> Self:
        if self._launcher is None and not self._ended:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()
        if kind is None:
            self.raise_unreported()

    def run(self, on_tick: Callable[[], None] | None = None) -> list[Any]:
        """Wait for all at the barrier, release it, and collect the results in the order of the calls.

        on_tick is called about ten times a second meanwhile. Raises WorkerFailed, WorkerDied, CrashPointMissed or
        DeadlinePassed.
        """
        self.wait_until_ready()
        self.release()
        return self.results(on_tick)

    def wait_until_ready(self) -> None:
        """Wait until every worker stands at the barrier. One that fails to get there ends the wait for all."""
        self._receive_until(lambda worker: worker.ready, "preparing", give_up=lambda worker: worker.answered)
        raise_failures(self._workers, len(self), self._deadline)

    def release(self) -> int:
        """Let every worker go that waits at the barrier; the monotonic instant just before, in nanoseconds."""
        released_ns = monotonic_ns()
        for worker in self._workers:
            worker.release()
        return released_ns

    def results(self, on_tick: Callable[[], None] | None = None) -> list[Any]:
        """Every worker's result, in the order of the calls. None for one that was killed, by `kill` or at its crash
        point, before it had one. Raises as `run` does, and GroupEnded.
        """
        self._receive_until(lambda worker: worker.answered, "running", on_tick)
        raise_failures(self._workers, len(self), self._deadline)
        return [worker.value() for worker in self._workers]

    def wait(self) -> list[int | None]:
        """Wait until every worker has ended; their exit statuses, in the order of the calls. Raises DeadlinePassed."""
        self._receive_until(lambda worker: worker.answered, "running")
        return [worker.wait() for worker in self._workers]

    def kill(self) -> None:
        """Kill every worker that is left, and wait until they are gone: what they held is free."""
        for worker in self._workers:
            worker.send_kill()
        for worker in self._workers:
            if worker.killed:
                worker.await_death()

    def stop(self) -> None:
        """Stop every worker that is left, and wait until they stand still."""
        for worker in self.alive:
            with suppress(WorkerEnded):  # it may end just now
                worker.stop()

    def cont(self) -> None:
        """Let every worker that is left go on."""
        for worker in self.alive:
            with suppress(WorkerEnded):
                worker.cont()

    def end(self) -> None:
        """Kill what is left and wait until it is gone; a second call does nothing."""
        launcher, self._launcher = self._launcher, None
        self._ended = True
        if launcher is None:
            return
        try:
            for worker in self._workers:
                worker.close()
        finally:
            launcher.end([worker.pid for worker in self._workers if worker.answered and not worker.died])

    def raise_unreported(self) -> None:
        """Raise the failures that no call has raised yet: what went wrong while nobody asked is not passed over."""
        raise_failures([worker for worker in self._workers if not worker.reported], len(self), self._deadline)

    def _launch(self, launcher: Launcher, payload: bytes) -> Worker:
        worker = Worker(len(self._workers), launcher, self._deadline)
        self._workers.append(worker)
        with suppress(OSError):  # it died or met its deadline already, which waiting for it tells
            worker.connection.send_bytes(payload)
        return worker

    def _receive_until(
        self,
        done: Callable[[Worker], bool],
        phase: str,
        on_tick: Callable[[], None] | None = None,
        give_up: Callable[[Worker], bool] = lambda _: False,
    ) -> None:
        """Receive until every worker is `done`, or until one that is not is to `give_up` for."""
        if not self._payloads:
            raise GroupEmpty("the group has no worker; give it calls, or add some")
        while waiting := {worker.connection: worker for worker in self._workers if not done(worker)}:
            if any(map(give_up, waiting.values())):
                return
            if self._ended:
                numbers = ", ".join(str(worker.index) for worker in waiting.values())
                raise GroupEnded(f"worker {numbers} had not answered when the group ended; collect before leaving it")
            remaining_s = self._deadline.remaining_s()
            patience_s = remaining_s if on_tick is None else min(TICK_S, remaining_s)
            heard = cast(list[Connection], wait(list(waiting), patience_s))
            if on_tick is not None:
                on_tick()
            for connection in heard:
                waiting[connection].receive()
            if not heard and self._deadline.passed:
                numbers_left = tuple(sorted(worker.index for worker in waiting.values()))
                raise DeadlinePassed(numbers_left, self._deadline.seconds, phase)
