"""What ends an experiment early, so that what it has found by then is kept: an error, Ctrl-C, or a polite kill.

Signals arrive at a random moment, and take effect at a safe one.
"""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.processes import ProcessError
from pytest_sessionreg.registry.errors import RegistryError
from pytest_sessionreg.storm.interruption import StormInterrupted

__all__ = [
    "SIGNALS",
    "STOPPERS",
    "call_on_interrupt",
    "deferred_interrupt",
    "interruptible",
    "is_interrupt",
    "partial_note",
    "reason",
]

# Ctrl-C; what kill, timeout, systemd and containers send; and the terminal, or the connection to it, that goes away.
SIGNALS = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__]

# A worker that is killed, a disk that is full, a Ctrl-C: none of them undoes what was measured before.
STOPPERS = (KeyboardInterrupt, ProcessError, StormError, RegistryError, OSError, sqlite3.Error)


def is_interrupt(stopper: BaseException) -> bool:
    """Whether Ctrl-C ended the experiment, or the storm that it was in the middle of."""
    return isinstance(stopper, KeyboardInterrupt) or (isinstance(stopper, StormInterrupted) and stopper.by_ctrl_c)


def reason(stopper: BaseException) -> str:
    """One line that says what ended the experiment."""
    if is_interrupt(stopper):
        return "interrupted"
    return str(stopper).partition("\n")[0] or type(stopper).__name__


def partial_note(partial: str, out: Path | None) -> str:
    """What a command says of a result that is partial because of `partial`, and stored in `out`, if anywhere."""
    where = "" if out is None else f", in {out}"
    return f"{partial}; no worker is left; what was measured is kept, marked as partial{where}"


@contextmanager
def interruptible() -> Iterator[None]:
    """While the block runs SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does.

    A signal that is ignored, as SIGHUP is under nohup, stays so. Outside the main thread nothing changes.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _install_handler(interrupt):
        yield


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], None]]:
    """While the block runs a SIGINT, SIGTERM or SIGHUP is remembered; calling what this yields raises KeyboardInterrupt
    then.

    So no directory is left half removed and no process half started. An experiment calls it between its steps and ten
    times a second while workers run; a second signal does not wait. Outside the main thread, where signals never
    arrive, nothing changes.
    """
    pressed = False

    def remember(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    with _install_handler(remember):
        yield check


@contextmanager
def call_on_interrupt(tell: Callable[[], None]) -> Iterator[None]:
    """While the block runs a SIGINT, SIGTERM or SIGHUP calls `tell` and raises nothing.

    For a loop that waits for news of several kinds: an interrupt is one of them, and none is lost halfway. `tell` is
    called between any two instructions, so it may only put something into a queue.SimpleQueue, or the like. A signal
    that is ignored stays so; outside the main thread nothing changes.
    """
    with _install_handler(lambda _number, _frame: tell()):
        yield


@contextmanager
def _install_handler(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    with ExitStack() as before:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before.callback(signal.signal, number, signal.signal(number, handler))
        yield
