"""How worker processes come to exist: forked from a fresh fork server, or spawned one by one where there is no fork."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Sequence
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from typing import Protocol

from . import child, fork_server
from .deadline import Deadline
from .errors import ProcessError

__all__ = ["ForkServer", "Launcher", "Spawner"]

# How long a process that was told to end, or killed, may take before that is an error of the machine.
_END_PATIENCE_S = 10.0


class Launcher(Protocol):
    """Starts workers and sees to it that they end."""

    def launch(self) -> tuple[Connection, int]:
        """Start one worker: the connection to it, and its pid."""

    def exit_status(self, pid: int) -> int | None:
        """The exit status of a worker that has hung up, negative for a signal; None if it cannot be learned."""

    def stop(self, pid: int) -> None:
        """Stop a worker, and wait until it stands still or has ended."""

    def end(self, leaving: Collection[int] = ()) -> None:
        """Kill every worker that is left and wait until all are gone. Those that are `leaving`, because they have
        answered, get a bounded time to do so by themselves.
        """


class ForkServer:
    """Workers forked from a server process that has the `preload` modules loaded, and those of `attempt` that can be.
    Linux and macOS.

    The server kills them when this process ends, or deadline_s after its own start.
    """

    def __init__(
        self, preload: Sequence[str], scratch: str | None, deadline_s: float, *, attempt: Sequence[str] = ()
    ) -> None:
        ours, theirs = socket.socketpair()
        self._control = ours
        try:
            # By -c and not -m, so that the server imports the very code that its parent runs, wherever that came from.
            program = (
                "import sys; sys.path[:] = sys.argv[2:]; "
                "from pytest_sessionreg.processes.fork_server import main; main(int(sys.argv[1]))"
            )
            self._server = subprocess.Popen(  # noqa: S603  our own interpreter on our own code
                [sys.executable, "-c", program, str(theirs.fileno()), *sys.path],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent, which then ends the group
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        try:
            orders = pickle.dumps((list(preload), list(attempt), scratch, deadline_s))
            ours.sendall(fork_server.NUMBER.pack(len(orders)) + orders)
            self._number()
        except BaseException:
            self.end()
            raise

    def launch(self) -> tuple[Connection, int]:
        """Have the server fork one worker."""
        ours, theirs = Pipe()
        try:
            socket.send_fds(self._control, [fork_server.FORK], [theirs.fileno()])
            return ours, self._number()
        except OSError as error:
            ours.close()
            raise ProcessError(f"the fork server could not start a worker ({error}); see its output above") from error
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()

    def exit_status(self, pid: int) -> int | None:
        """Ask the server, whose child the worker is."""
        status = self._ask(fork_server.STATUS, pid)
        return None if status == fork_server.UNKNOWN_STATUS else status

    def stop(self, pid: int) -> None:
        """Ask the server, which is told by the kernel when its child has stopped."""
        self._ask(fork_server.STOP, pid)

    def end(self, leaving: Collection[int] = ()) -> None:
        """Hang up, which is the server's sign to kill all it started, and itself."""
        with contextlib.suppress(OSError):  # it may have died already
            self._control.sendall(fork_server.END + b"".join(map(fork_server.NUMBER.pack, (len(leaving), *leaving))))
        self._control.close()  # the server kills and reaps its workers, then its own process group
        try:
            self._server.wait(_END_PATIENCE_S)
        except BaseException:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait(_END_PATIENCE_S)
            raise

    def _ask(self, request: bytes, pid: int) -> int:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a dead server gives no number either
            self._control.sendall(request + fork_server.NUMBER.pack(pid))
        return self._number()

    def _number(self) -> int:
        data = b""
        while len(data) < fork_server.NUMBER.size:
            chunk = b""
            with contextlib.suppress(ConnectionResetError):
                chunk = self._control.recv(fork_server.NUMBER.size - len(data))
            if not chunk:
                raise ProcessError("the fork server died before it answered; its traceback is on standard error")
            data += chunk
        (number,) = fork_server.NUMBER.unpack(data)
        return int(number)


class Spawner:
    """Workers in fresh interpreters, through multiprocessing's spawn method: slower, and works everywhere.

    They end themselves when this process ends, or deadline_s after their start.
    """

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._context = get_context("spawn")
        self._processes: dict[int, SpawnProcess] = {}

    def launch(self) -> tuple[Connection, int]:
        """Spawn one worker."""
        ours, theirs = self._context.Pipe()
        try:
            process = self._context.Process(target=_run_spawned_worker, args=(theirs, self._deadline_s), daemon=True)
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        pid = process.pid
        if pid is None:
            raise ProcessError("a spawned worker has no pid; its start failed")
        self._processes[pid] = process
        return ours, pid

    def exit_status(self, pid: int) -> int | None:
        """Wait for the worker, which has hung up, to end."""
        process = self._processes[pid]
        process.join(_END_PATIENCE_S)
        return process.exitcode

    def stop(self, pid: int) -> None:
        """Stop a child of ours; the kernel tells when it stands still."""
        fork_server.stop_child(pid)

    def end(self, leaving: Collection[int] = ()) -> None:
        """Kill and reap every worker."""
        patience = Deadline(fork_server.LEAVE_PATIENCE_S)
        for pid, process in self._processes.items():
            if pid not in leaving:
                process.kill()
        for pid in leaving:
            self._processes[pid].join(patience.remaining_s())
            self._processes[pid].kill()
        for process in self._processes.values():
            process.join(_END_PATIENCE_S)
            process.close()


def _run_spawned_worker(connection: Connection, deadline_s: float) -> None:
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        Thread(target=_die_with, args=(parent.sentinel, deadline_s), name="sessionreg-lifeline", daemon=True).start()
    child.live(connection)
    child.leave()


def _die_with(sentinel: int, deadline_s: float) -> None:
    wait([sentinel], deadline_s + fork_server.GRACE_S)
    os._exit(1)
