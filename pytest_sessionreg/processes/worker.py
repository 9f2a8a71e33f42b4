"""One worker of a group, as the process that started it sees it: signals to it, what it answered, how it ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from time import monotonic_ns
from typing import Any

from .deadline import Deadline
from .errors import (
    CrashPointMissed,
    DeadlinePassed,
    GroupEnded,
    ProcessError,
    WorkerDied,
    WorkerEnded,
    WorkerFailed,
    describe_status,
)
from .launcher import Launcher
from .message import CRASHING, FAILURE, GO, MISSED, READY, MissedCrashPoint, WorkerFailure

__all__ = ["TICK_S", "Worker", "raise_failures"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's

# How long the kernel may take to end a process that was killed, or that has hung up when its group ends.
_KILL_PATIENCE_S = 10.0
# How often a wait for results calls back.
TICK_S = 0.1


class Worker:
    """A process of a group. `index`: its number, from 0. `pid`: never another process's while the group lasts.

    `failure` and `missed`: what it answered if that was no result. `crashed`: it died at its crash point. `killed`: by
    `kill`. `reported`: the caller knows how it failed.
    """

    def __init__(self, index: int, launcher: Launcher, deadline: Deadline) -> None:
        self.index = index
        self.connection, self.pid = launcher.launch()
        self.ready = False
        self.killed = False
        self.crashed = False
        self.reported = False
        self.failure: WorkerFailure | None = None
        self.missed: MissedCrashPoint | None = None
        self._launcher = launcher
        self._deadline = deadline
        self._value: bytes | None = None
        self._released = False
        self._hung_up = False
        self._closed = False
        self._exit_status: int | None = None

    def __repr__(self) -> str:
        return f"<worker {self.index}, pid {self.pid}, {'alive' if self.alive else 'ended'}>"

    @property
    def answered(self) -> bool:
        """Whether nothing more will come from it: it has answered, or it is gone."""
        return self._hung_up or self._value is not None or self.failure is not None or self.missed is not None

    @property
    def died(self) -> bool:
        """Whether it is gone without an answer."""
        return self._hung_up and self._value is None and self.failure is None and self.missed is None

    @property
    def alive(self) -> bool:
        """Whether the process exists and has not ended; a stopped one is alive."""
        return not self._has_ended(0)

    def wait_until_ready(self) -> None:
        """Wait until it stands at the barrier, within the group's deadline. Raises WorkerFailed, WorkerDied,
        DeadlinePassed or GroupEnded.
        """
        self._receive_until(lambda: self.ready or self.answered, "preparing")
        if not self.ready:
            raise_failures([self], 1, self._deadline)

    def release(self) -> int:
        """Let it go, even before it stands at the barrier; the monotonic instant just before, in nanoseconds.

        A second call does nothing.
        """
        released_ns = monotonic_ns()
        if not self._released:
            self._released = True
            with contextlib.suppress(OSError):  # it died at the barrier, which `result` will tell
                self.connection.send_bytes(GO)
        return released_ns

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone: its locks and descriptors are free when this returns.

        One that has ended is left alone.
        """
        self.send_kill()
        self.await_death()

    def send_kill(self) -> None:
        """SIGKILL, without waiting."""
        if self.alive:
            self.killed = True
            os.kill(self.pid, signal.SIGKILL)

    def await_death(self) -> None:
        """Wait for a process that was killed. Raises ProcessError if the kernel does not end it."""
        if not self._has_ended(_KILL_PATIENCE_S):
            raise ProcessError(f"{self!r} was killed and is still there after {_KILL_PATIENCE_S:g} s; see its state")

    def stop(self) -> None:
        """SIGSTOP, and wait until it stands still, with every lock it holds. Raises WorkerEnded."""
        self._must_live("stopped")
        self._launcher.stop(self.pid)
        self._must_live("stopped")

    def cont(self) -> None:
        """SIGCONT: a stopped one goes on. Raises WorkerEnded."""
        self._must_live("continued")
        os.kill(self.pid, signal.SIGCONT)

    def wait(self) -> int | None:
        """Wait until it has ended, within the group's deadline; its exit status, negative for the signal that ended it.

        None where the status cannot be learned. Raises DeadlinePassed.
        """
        self._receive_until(lambda: self.answered or self._closed, "running")
        if not self._has_ended(self._deadline.remaining_s()):
            raise DeadlinePassed((self.index,), self._deadline.seconds, "ending")
        self.reported = self.reported or self.died
        return self.exit_status()

    def result(self, on_tick: Callable[[], None] | None = None) -> Any:
        """What its function returned, within the group's deadline. None from one killed by `kill` or its crash point.

        on_tick is called about ten times a second meanwhile. Raises WorkerFailed, WorkerDied, CrashPointMissed,
        DeadlinePassed, or GroupEnded.
        """
        self._receive_until(lambda: self.answered, "running", on_tick)
        raise_failures([self], 1, self._deadline)
        return self.value()

    def value(self) -> Any:
        """The result that has arrived; None if there is none."""
        return None if self._value is None else pickle.loads(self._value)  # noqa: S301  our own worker wrote it

    def exit_status(self) -> int | None:
        """The exit status of one that has answered or hung up; None if it has not ended by the group's deadline, or if
        the status cannot be learned.
        """
        return self._learn_status(self._deadline.remaining_s())

    def receive(self) -> None:
        """Take one message that has come."""
        try:
            message = self.connection.recv_bytes()
        except (EOFError, OSError):
            self._hung_up = True
            self.connection.close()  # of hundreds that came and went, none keeps a descriptor
            return
        kind, body = message[:1], message[1:]
        if kind == READY:
            self.ready = True
        elif kind == CRASHING:
            self.crashed = True
        elif kind == FAILURE:
            self.failure = pickle.loads(body)  # noqa: S301  our own worker wrote it
        elif kind == MISSED:
            self.missed = pickle.loads(body)  # noqa: S301  our own worker wrote it
        else:
            self._value = body

    def close(self) -> None:
        """Take what has come and hang up: the group ends."""
        while not self._hung_up and self.connection.poll():
            self.receive()
        if self.died and not self.killed:
            with contextlib.suppress(OSError, ProcessError):  # the launcher may be the one that died
                self._learn_status(_KILL_PATIENCE_S)
        self._closed = True
        self.connection.close()

    def _receive_until(self, done: Callable[[], bool], phase: str, on_tick: Callable[[], None] | None = None) -> None:
        while not done():
            if self._closed:
                raise GroupEnded(f"worker {self.index} had not answered when its group ended; ask before that")
            remaining_s = self._deadline.remaining_s()
            heard = wait([self.connection], remaining_s if on_tick is None else min(TICK_S, remaining_s))
            if on_tick is not None:
                on_tick()
            if heard:
                self.receive()
            elif self._deadline.passed:
                raise DeadlinePassed((self.index,), self._deadline.seconds, phase)

    def _learn_status(self, patience_s: float) -> int | None:
        if self._exit_status is None and not self._closed and self._has_ended(patience_s):
            self._exit_status = self._launcher.exit_status(self.pid)
        return self._exit_status

    def _must_live(self, what: str) -> None:
        if not self.alive:
            status = describe_status(self.exit_status())
            raise WorkerEnded(f"worker {self.index} has ended ({status}) and cannot be {what}; let it live until then")

    def _has_ended(self, patience_s: float) -> bool:
        """Whether the process ends within patience_s. It stays a zombie, so its pid stays its own, until its status is
        asked for.
        """
        if self._closed or self._exit_status is not None:
            return True
        if not hasattr(os, "pidfd_open"):
            return self._hangs_up(Deadline(patience_s))
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(patience_s * 1000))
        finally:
            os.close(descriptor)

    def _hangs_up(self, deadline: Deadline) -> bool:
        """Wait for an end where there are no pidfds: an ended process has closed its end of the connection."""
        while not self._hung_up:
            if not wait([self.connection], deadline.remaining_s()):
                return False
            self.receive()
        return True


def raise_failures(workers: Sequence[Worker], count: int, deadline: Deadline) -> None:
    """Raise what those of `workers` that answered without a result, or died by no wish of the test's, have to say.

    count: how many the group has. Raises WorkerFailed, DeadlinePassed, WorkerDied or CrashPointMissed, in this order.
    """
    failures = {worker.index: worker.failure for worker in workers if worker.failure is not None}
    dead = [worker for worker in workers if worker.died and not worker.killed and not worker.crashed]
    missed = {worker.index: worker.missed for worker in workers if worker.missed is not None}
    for worker in workers:
        worker.reported = worker.reported or worker.answered
    if failures:
        raise WorkerFailed(failures, count)
    if dead and deadline.passed:  # whatever ended them, they had their time
        raise DeadlinePassed(tuple(worker.index for worker in dead), deadline.seconds, "running")
    if dead:
        statuses = {worker.index: worker.exit_status() for worker in dead}
        left = tuple(index for index, status in statuses.items() if status is None)
        if deadline.passed and left:
            raise DeadlinePassed(left, deadline.seconds, "ending")
        raise WorkerDied(statuses, count)
    if missed:
        raise CrashPointMissed(missed)
