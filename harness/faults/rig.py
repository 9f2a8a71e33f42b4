"""The rig of a fault run: a fresh database, the ledgers outside it, and its processes; nothing of it is left."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

from pytest_sessionreg.processes import Call, Group, Worker, WorkerFailed
from pytest_sessionreg.results.samples import Samples

from . import database, target, writer_process
from .board import Board
from .isolation import IsolationRefused
from .setup import Setup
from .verification import Verified, verify
from .writer import MakeWriter
from .writer_process import OnBegin, write_until_stopped

__all__ = ["Rig"]

_PRELOAD = (database.__name__, target.__name__, writer_process.__name__)
_TICK_S = 0.1


class Rig:
    """A context manager. Leaving it kills what is left of its processes and removes its files.

    writers: how many processes will ever have a ledger and a cell of the board.
    deadline_s: for everything.
    check: called ten times a second while the rig sleeps, runs a function or waits for writers; may raise.
    unprivileged, disk_kib: what the fault needs; a private disk of so many KiB, None for the usual one.
    ballast_kib: rows that fill the database beforehand.
    preload: modules that processes of this rig will need besides the writers'.
    """

    def __init__(
        self,
        writers: int,
        *,
        deadline_s: float,
        check: Callable[[], None] = lambda: None,
        unprivileged: bool = False,
        disk_kib: int | None = None,
        ballast_kib: int = 0,
        preload: tuple[str, ...] = (),
    ) -> None:
        self._check = check
        self._owner: Worker | None = None
        with ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="sessionreg-fault-"))
            directory = os.path.join(scratch, "data")
            os.mkdir(directory, 0o700)
            path = os.path.join(directory, "faults.db")
            self.setup = Setup(database=path, scratch=scratch, writers=writers, unprivileged=unprivileged)
            Board.create(self.setup)
            self.board = Board(self.setup)
            stack.callback(self.board.close)
            group = Group([], deadline_s=deadline_s, preload=(*_PRELOAD, *preload), scratch=scratch)
            self._group = stack.enter_context(group)
            if disk_kib is None:
                database.make_database(path, ballast_kib)
            else:
                self._owner = self.prepare(database.own_disk, self.setup, directory, disk_kib, ballast_kib)
                self.setup = replace(self.setup, disk_owner=self._owner.pid)
            self._stack = stack.pop_all()

    def prepare(self, function: Callable[..., Callable[[], Any]], *arguments: Any) -> Worker:
        """A process that has called `function(*arguments)`, and waits at the barrier to call what that returned.

        Raises IsolationRefused if that was the reason why it could not, else as Worker.wait_until_ready.
        """
        worker = self._group.add(Call(function, arguments))
        try:
            worker.wait_until_ready()
        except WorkerFailed as error:
            failure = error.failures[worker.index]
            if failure.kind.endswith(IsolationRefused.__name__):
                raise IsolationRefused(failure.message) from None
            raise
        return worker

    def start(self, function: Callable[..., Callable[[], Any]], *arguments: Any) -> Worker:
        """A process that has called `function(*arguments)`, and calls what that returned at once. Raises as prepare."""
        worker = self.prepare(function, *arguments)
        worker.release()
        return worker

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of `function(*arguments)` in a process of its own. Raises as Worker.result."""
        worker = self._group.add(Call.plain(function, *arguments))
        worker.release()
        return worker.result(self._check)

    def prepare_writer(
        self, worker: int, make: MakeWriter, *, think_s: float = 0.005, seed: int = 1, on_begin: OnBegin | None = None
    ) -> Worker:
        """A process that waits at the barrier to write as number `worker`; see write_until_stopped."""
        return self.prepare(write_until_stopped, self.setup, worker, make, think_s, seed, on_begin)

    def start_writer(self, worker: int, make: MakeWriter, *, think_s: float = 0.005) -> Worker:
        """A process that writes as number `worker` at once; see write_until_stopped."""
        writer = self.prepare_writer(worker, make, think_s=think_s)
        writer.release()
        return writer

    def finish(self, writers: Iterable[Worker]) -> list[Any]:
        """Tell every writer to stop; the results of those given. Raises as Worker.result."""
        self.board.stop()
        return [writer.result(self._check) for writer in writers]

    def sleep(self, seconds: float) -> None:
        """Sleep; what `check` raises ends it."""
        until = monotonic() + seconds
        self._check()
        while (left := until - monotonic()) > 0:
            sleep(min(left, _TICK_S))
            self._check()

    def samples(self, *, opened_ns: int = 0) -> Samples:
        """Every write of the writers; instants in microseconds since `opened_ns` of the monotonic clock."""
        return Samples.read(self.setup.ledgers[: self.setup.writers], opened_ns=opened_ns)

    def verify(self) -> Verified:
        """Compare the database with the ledgers; the writers have ended by then."""
        if self._owner is None:
            return verify(self.setup)
        self._owner.release()
        found: Verified = self._owner.result(self._check)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)
