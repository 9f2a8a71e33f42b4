"""The process that workers are forked from: single-threaded, fresh, with the caller's modules loaded once.

Its own and not multiprocessing's, because that one imports the parent's `__main__` into every worker (here pytest, or
the command line), lives until the parent ends, and leaves its workers behind when the parent is killed.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import select
import shutil
import signal
import socket
import struct
import sys
import traceback
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from typing import NoReturn

from . import child
from .deadline import Deadline

__all__ = ["main", "stop_child"]

# Requests, one byte each: fork a worker (a socket comes along), tell a worker's exit status or stop it (its pid
# follows), end (the number of workers that have answered, and their pids, follow). Hanging up without the last means
# that the parent was killed.
FORK = b"F"
STATUS = b"S"
STOP = b"T"
END = b"E"
# Answers: a pid or a status, as a signed 64-bit number.
NUMBER = struct.Struct("<q")
UNKNOWN_STATUS = 1 << 32

_PR_SET_PDEATHSIG = 1
# How long a worker that has hung up may take to be gone: nothing is left to it to do, but the machine may be busy.
_STATUS_PATIENCE_S = 10.0
# How long a worker that has answered may take to leave by itself: coverage writes its data then.
LEAVE_PATIENCE_S = 5.0
# How much longer than their deadline workers live when the parent, whose business it is, does not end them.
GRACE_S = 2.0


def main(fd: int) -> NoReturn:
    """Serve requests on the socket `fd` until the parent ends it or dies; then kill every worker and exit."""
    os.dup2(2, 1)  # what a worker prints must not mix with the command's own output
    control = socket.socket(fileno=fd)
    children: set[int] = set()
    scratch: str | None = None
    try:
        preload, attempted, scratch, deadline_s = pickle.loads(_receive_block(control))  # noqa: S301  our own parent wrote it
        deadline = Deadline(deadline_s + GRACE_S)
        for name in preload:
            importlib.import_module(name)
        for name in attempted:
            with suppress(Exception):  # it only saves time: a worker that needs the module is told what is wrong
                importlib.import_module(name)
        gc.collect()
        gc.freeze()  # workers share these pages for as long as nobody touches them
        control.sendall(NUMBER.pack(os.getpid()))
        going = True
        while going:
            _await_request(control, children, deadline)
            going = _serve(control, children)
        scratch = None  # the parent lives, and clears up itself
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone
    except Exception:  # noqa: BLE001  the end below leaves no time for the interpreter to print it
        traceback.print_exc()
    finally:
        _kill(children)
        for pid in children:
            os.waitpid(pid, 0)
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)  # what the workers started themselves, and this process
    raise AssertionError("unreachable: the process group was killed")


def _await_request(control: socket.socket, children: set[int], deadline: Deadline) -> None:
    """Wait for the parent; kill the workers at the deadline, because a parent that hangs or stands still will not."""
    if deadline.passed or not select.select([control], [], [], deadline.remaining_s())[0]:
        _kill(children)
        select.select([control], [], [])


def _kill(children: set[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _end(children: set[int], leaving: set[int]) -> None:
    """Kill the workers that have not answered, and wait for those that are `leaving`, in the time that they have."""
    _kill(children - leaving)
    leaving &= children
    for pid in leaving:
        os.kill(pid, signal.SIGCONT)  # one that was stopped after its answer
    signal.signal(signal.SIGALRM, _raise_timeout)
    try:
        signal.setitimer(signal.ITIMER_REAL, LEAVE_PATIENCE_S)
        while leaving & children:
            children.discard(os.wait()[0])
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeoutError:
        return


def _raise_timeout(*_: object) -> NoReturn:
    raise TimeoutError


def _serve(control: socket.socket, children: set[int]) -> bool:
    """Answer one request; False if it was the last."""
    request, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    if not request:
        raise EOFError
    if request == END:
        (count,) = NUMBER.unpack(_receive(control, NUMBER.size))
        leaving = {NUMBER.unpack(_receive(control, NUMBER.size))[0] for _ in range(count)}
        _end(children, leaving)
        return False
    if request == FORK:
        number = _fork(descriptors[0], control)
        children.add(number)
    elif request == STOP:
        (number,) = NUMBER.unpack(_receive(control, NUMBER.size))
        stop_child(number)
    else:
        (pid,) = NUMBER.unpack(_receive(control, NUMBER.size))
        status = _reap(pid)
        if status is not None:
            children.discard(pid)
        number = UNKNOWN_STATUS if status is None else status
    control.sendall(NUMBER.pack(number))
    return True


def _fork(worker_fd: int, control: socket.socket) -> int:
    server = os.getpid()
    pid = os.fork()
    if pid:
        os.close(worker_fd)
        return pid
    try:
        control.close()
        _die_with(server)
        child.live(Connection(worker_fd))
    finally:
        child.leave()
    raise AssertionError("unreachable: the worker has left")


def _die_with(server: int) -> None:
    """Have the kernel kill this process when the server dies, even while it is stopped (prctl(2); Linux only)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)


def stop_child(pid: int) -> None:
    """Stop a child of this process, and wait until it stands still or has ended; its status can still be asked for."""
    os.kill(pid, signal.SIGSTOP)
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def _reap(pid: int) -> int | None:
    """The exit status of a worker that has hung up, negative for a signal; None if it does not end."""
    _await_exit(pid)
    reaped, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if reaped else None


def _await_exit(pid: int) -> None:
    """Wait until the kernel says that a child has ended, at most _STATUS_PATIENCE_S."""
    if sys.platform == "darwin":
        with suppress(ProcessLookupError), closing(select.kqueue()) as events:  # it cannot be found once it has ended
            ends = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
            events.control([ends], 1, _STATUS_PATIENCE_S)
    elif hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [], _STATUS_PATIENCE_S)
        finally:
            os.close(descriptor)


def _receive(control: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = control.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def _receive_block(control: socket.socket) -> bytes:
    (size,) = NUMBER.unpack(_receive(control, NUMBER.size))
    return _receive(control, size)
