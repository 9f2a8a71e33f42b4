from __future__ import annotations

import os
import signal
import threading

import pytest

from pytest_sessionreg._harness.experiments.interruption import (
    call_on_interrupt,
    deferred_interrupt,
    interruptible,
    reason,
)
from pytest_sessionreg.errors import StormError


def test_an_interrupt_waits_for_the_next_safe_point() -> None:
    steps = []
    with deferred_interrupt() as check:
        check()
        os.kill(os.getpid(), signal.SIGINT)
        steps.append("went on")
        with pytest.raises(KeyboardInterrupt):
            check()
    assert steps == ["went on"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_kill_is_an_interrupt(number: signal.Signals) -> None:
    with interruptible(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    with deferred_interrupt() as check:
        os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            check()


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(), deferred_interrupt() as check:
            os.kill(os.getpid(), signal.SIGHUP)
            check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_interrupt_does_not_wait() -> None:
    with deferred_interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_that_is_told_raises_nothing() -> None:
    told: list[str] = []
    with call_on_interrupt(lambda: told.append("told")):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert told == ["told", "told"]


def test_the_usual_handler_is_back_afterwards() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with interruptible(), deferred_interrupt():
        assert all(signal.getsignal(number) is not handler for number, handler in before.items())
    assert {number: signal.getsignal(number) for number in before} == before


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
