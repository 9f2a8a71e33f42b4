"""The worker's side of the protocol: prepare, wait at the barrier, run, answer."""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import nullcontext
from multiprocessing.connection import Connection
from typing import Any

from .crash_at import Armed
from .message import CRASHING, FAILURE, MISSED, READY, VALUE, MissedCrashPoint, WorkerFailure
from .payload import loads
from .pickling import pickle_value
from .user_frames import user_traceback

__all__ = ["live"]


def live(connection: Connection) -> None:
    """The whole life of a worker: one call received, one answer sent; returns early when the group is gone."""
    try:
        prepare, arguments, crash_at = loads(connection.recv_bytes())
        run = prepare(*arguments)
        crash = None if crash_at is None else Armed(crash_at, lambda: connection.send_bytes(CRASHING))
    except BaseException as error:  # noqa: BLE001  every way out of the function is reported, SystemExit too
        _send(connection, _failure("prepare", error))
        return
    try:
        connection.send_bytes(READY)
        connection.recv_bytes()
    except (EOFError, OSError):
        return  # the group ended before the barrier was released
    try:
        with crash or nullcontext():
            value = run()
    except BaseException as error:  # noqa: BLE001  every way out is reported, SystemExit too
        _send(connection, _failure("run", error))
        return
    if crash is not None:
        missed = MissedCrashPoint(str(crash_at), crash.hits, tuple(crash.seen))
        _send(connection, MISSED + pickle.dumps(missed))
        return
    try:
        answer = VALUE + pickle_value(value).data
    except Exception as error:  # noqa: BLE001  a result of the caller's may raise anything when pickled
        answer = _failure("result", error)
    _send(connection, answer)


def leave() -> None:
    """End the process without running the exit handlers that it inherited from its parent."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # nobody reads it any more
    os._exit(0)


def _send(connection: Connection, answer: Any) -> None:
    try:
        connection.send_bytes(answer)
    except OSError:
        return  # the group is gone; so are its readers


def _failure(phase: str, error: BaseException) -> bytes:
    kind = type(error)
    failure = WorkerFailure(phase, f"{kind.__module__}.{kind.__qualname__}", str(error), user_traceback(error))
    return FAILURE + pickle.dumps(failure)
