from __future__ import annotations

import os
import signal
import threading

import pytest

from harness.interruption import deferred_interrupt, reason
from pytest_sessionreg.storm.errors import StormError


def test_an_interrupt_waits_for_the_next_safe_point() -> None:
    steps = []
    with deferred_interrupt() as check:
        check()
        os.kill(os.getpid(), signal.SIGINT)
        steps.append("went on")
        with pytest.raises(KeyboardInterrupt):
            check()
    assert steps == ["went on"]


def test_a_second_interrupt_does_not_wait() -> None:
    with deferred_interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_usual_handler_is_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred_interrupt():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_changes() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def act() -> None:
        with deferred_interrupt() as check:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert seen == [before]


def test_the_reason_is_one_line() -> None:
    assert reason(KeyboardInterrupt()) == "interrupted"
    assert reason(StormError("the disk is full\nand more")) == "the disk is full"
    assert reason(OSError()) == "OSError"
