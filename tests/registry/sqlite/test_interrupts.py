"""An exception out of a signal handler, at any line of a write: what was acknowledged is there, nothing stays open."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from pytest_sessionreg import BusyTimeout, FixedInterval, Registry, RetryBudget, WriteQueue, WriteTimeout
from pytest_sessionreg.errors import TransactionState
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.registry.sqlite.admission.queue import byte_locks
from pytest_sessionreg.registry.sqlite.admission.queue.line import line_state

_POLICIES: list[AdmissionPolicy] = [WriteQueue(), RetryBudget(), BusyTimeout(5), FixedInterval()]
# What a timeout says of the holder is read from /proc by files that would be left open, for their owner to close.
_PACKAGE = str(Path(sys.modules[Registry.__module__].__file__ or "").parent)
_NOT_TRACED = ("holder.py", "kernel_locks.py")


class _Interrupt(BaseException):
    """What a handler of SIGALRM, pytest-timeout's for one, raises."""


class _Interrupter:
    """Raises at the event of this number in the package's own code, and never again."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = 0

    def __call__(self, frame: FrameType, event: str, _arg: object) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(_PACKAGE) or file.endswith(_NOT_TRACED):
            return None
        if event in ("call", "line", "return"):
            self.seen += 1
            if self.seen == self.at:
                sys.settrace(None)
                raise _Interrupt
        return self


@contextmanager
def _interrupted(at: int) -> Iterator[_Interrupter]:
    interrupter = _Interrupter(at)
    sys.settrace(interrupter)
    try:
        yield interrupter
    finally:
        sys.settrace(None)


def _one_write(registry: Registry, name: str) -> None:
    registry.sessions.register(name)


def _two_writes(registry: Registry, name: str) -> None:
    with registry.transaction():
        registry.sessions.register(name)
        registry.sessions.finish(name)


def _impatient(registry: Registry, name: str) -> None:
    with registry.transaction(patience=1):
        registry.sessions.register(name)


def _undone(registry: Registry, name: str) -> None:
    with suppress(LookupError), registry.transaction():
        registry.sessions.register(name)
        dict[str, str]()["no such key"]
    registry.sessions.register(name)


@pytest.mark.slow
@pytest.mark.parametrize("policy", _POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize("write", [_one_write, _two_writes, _impatient, _undone])
def test_an_exception_at_any_line_leaves_nothing_open_and_nothing_acknowledged_is_lost(
    database: str, policy: AdmissionPolicy, write: Callable[[Registry, str], None]
) -> None:
    if write is _impatient and isinstance(policy, (RetryBudget, BusyTimeout)):
        pytest.skip("it does not count in seconds")
    acknowledged = set()
    other = sqlite3.connect(database, timeout=0, isolation_level=None)
    with Registry.open(database, policy=policy) as registry:
        _one_write(registry, "before")  # what is found at the first write has been found
        for at in itertools.count(1):
            with _interrupted(at) as interrupter:
                try:
                    write(registry, f"s-{at}")
                    acknowledged.add(f"s-{at}")
                except _Interrupt:
                    pass
            # nobody else is kept out, before anything else is done with the registry
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            if isinstance(policy, WriteQueue):
                state = line_state(database)
                assert state is not None
                assert not state.waiters
            _one_write(registry, f"after-{at}")
            acknowledged.add(f"after-{at}")
            if interrupter.seen < at:
                break
        assert at > 20
        written = {row[0] for row in other.execute("SELECT session_id FROM sessions")}
        assert not acknowledged - written
    other.close()


@pytest.mark.slow
def test_an_exception_at_any_line_of_a_wait_in_line_leaves_the_line_empty(database: str) -> None:
    if not byte_locks.AVAILABLE:
        pytest.skip("needs open-file-description locks")
    other = sqlite3.connect(database, timeout=0, isolation_level=None)
    with Registry.open(database, policy=WriteQueue(patience=0.01)) as registry:
        _one_write(registry, "before")
        for at in itertools.count(1):
            other.execute("BEGIN IMMEDIATE")
            with _interrupted(at) as interrupter, suppress(_Interrupt, WriteTimeout):
                _one_write(registry, f"s-{at}")
            other.execute("ROLLBACK")
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            with registry.patience(60):
                _one_write(registry, f"after-{at}")
            state = line_state(database)
            assert state is not None
            assert not state.waiters
            if interrupter.seen < at:
                break
        assert at > 100
        written = {row[0] for row in other.execute("SELECT session_id FROM sessions WHERE session_id LIKE 'after-%'")}
        assert len(written) == at
    other.close()


def test_a_block_that_ends_without_its_end_being_run_is_rolled_back(database: str) -> None:
    """Entered by hand and dropped: nobody can end it any more."""
    with Registry.open(database) as registry, Registry.open(database) as other:
        registry.transaction().__enter__()
        other.sessions.register("other")
        kept = registry.transaction()
        kept.__enter__()
        registry.sessions.register("one")
        kept.__exit__(None, None, None)
        assert {session.session_id for session in other.sessions.list()} == {"other", "one"}


def test_a_signal_handler_may_not_use_the_registry_that_it_interrupts(database: str) -> None:
    refused: list[str] = []

    def handle(_number: int, _frame: FrameType | None) -> None:
        try:
            registry.sessions.heartbeat("one")
        except TransactionState as error:
            refused.append(str(error))

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with Registry.open(database) as registry:
            registry.sessions.register("one")

            class Interrupting:
                """A policy at whose turn a signal comes."""

                def __getattr__(self, name: str) -> Any:
                    return getattr(admission, name)

                def admit(self, *given: Any) -> Any:
                    admitted = admission.admit(*given)
                    signal.raise_signal(signal.SIGALRM)
                    return admitted

            admission: Any = registry._database._admission
            registry._database._admission = Interrupting()
            assert registry.sessions.heartbeat("one")
            registry._database._admission = admission
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(refused) == 1
    assert "under way" in refused[0]
    with Registry.open(database) as registry:
        assert registry.sessions.get("one") is not None


def test_a_task_may_not_write_into_the_transaction_of_another(database: str) -> None:
    async def main() -> None:
        with Registry.open(database) as registry:
            opened, refused = asyncio.Event(), asyncio.Event()

            async def one() -> None:
                with pytest.raises(LookupError), registry.transaction():
                    registry.sessions.register("one")
                    opened.set()
                    await refused.wait()
                    raise LookupError

            async def two() -> None:
                await opened.wait()
                with pytest.raises(TransactionState, match="belongs to the task first"):
                    registry.sessions.register("two")
                refused.set()

            await asyncio.gather(asyncio.create_task(one(), name="first"), asyncio.create_task(two(), name="second"))
            registry.sessions.register("three")
            assert [session.session_id for session in registry.sessions.list()] == ["three"]

    asyncio.run(main())


def test_an_async_generator_may_hold_a_transaction_of_its_task(database: str) -> None:
    async def main() -> None:
        with Registry.open(database) as registry, registry.transaction():
            registry.sessions.register("one")
            await asyncio.sleep(0)
            registry.sessions.register("two")
        with Registry.open(database) as registry:
            assert len(registry.sessions.list()) == 2

    asyncio.run(main())
