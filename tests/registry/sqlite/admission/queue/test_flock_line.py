"""The fallback of macOS, which runs wherever flock(2) does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, monotonic_ns

import pytest

from pytest_sessionreg import Registry, WriteQueue, WriteTimeout
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.registry.sqlite.admission.queue import byte_locks
from pytest_sessionreg.registry.sqlite.admission.queue.flock_line import FlockLine

_DEADLINE_S = 120


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Callable[[], FlockLine]]:
    """Makes places in one line, as many as are asked for; closed afterwards."""
    with ExitStack() as stack:

        def make() -> FlockLine:
            made = FlockLine(str(tmp_path / "line"))
            stack.callback(made.close)
            return made

        yield make


def test_one_is_inside_at_a_time_and_the_wait_has_a_deadline(line: Callable[[], FlockLine]) -> None:
    one, other = line(), line()
    assert one.enter_at_once(monotonic_ns(), 0)
    assert not other.enter_at_once(monotonic_ns(), 0)
    started = monotonic()
    assert not other.enter(started + 0.1)
    assert monotonic() - started >= 0.1
    state = other.state()
    assert state.held
    assert state.blocker is not None
    assert state.blocker.pid == os.getpid()
    other.give_up()
    one.leave()
    assert other.enter(monotonic() + _DEADLINE_S)
    other.admitted(0)
    assert not one.enter_at_once(monotonic_ns(), 0)
    other.leave()
    assert not one.state().held


def test_a_wait_that_was_given_up_is_no_lock_when_it_is_granted_after_all(line: Callable[[], FlockLine]) -> None:
    one, other, third = line(), line(), line()
    assert one.enter_at_once(monotonic_ns(), 0)
    assert not other.enter(monotonic() + 0.05)
    other.give_up()
    one.leave()
    assert third.enter(monotonic() + _DEADLINE_S)
    third.leave()


def test_a_killed_holder_lets_the_next_in(line: Callable[[], FlockLine], tmp_path: Path) -> None:
    program = (
        "import time; from pytest_sessionreg.registry.sqlite.admission.queue.flock_line import FlockLine\n"
        f"line = FlockLine({str(tmp_path / 'line')!r})\n"
        "assert line.enter_at_once(1, 0); print('inside', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "inside\n"
            waiter = line()
            assert not waiter.enter(monotonic() + 0.05)
            waiter.give_up()
        finally:
            process.kill()
        assert waiter.enter(monotonic() + _DEADLINE_S)


def test_the_registry_writes_through_it_and_names_who_holds_it(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_locks, "AVAILABLE", False)
    policy = WriteQueue(patience=_DEADLINE_S)
    with Registry.open(database, policy=policy) as one, Registry.open(database, policy=policy) as other:
        with (
            one.transaction(),
            other.patience(0.1),
            pytest.raises(WriteTimeout, match="in line, held up by pid") as caught,
        ):
            other.sessions.register("one")
        assert caught.value.holder is not None
        assert caught.value.holder.pid == os.getpid()
        assert caught.value.place is None
        other.sessions.register("two")


def test_writers_of_many_processes_lose_nothing(database: str, workers: Workers) -> None:
    def write(path: str, worker: int) -> int:
        byte_locks.AVAILABLE = False
        with Registry.open(path, policy=WriteQueue(patience=120)) as registry:
            for number in range(50):
                registry.sessions.register(f"{worker}-{number}")
        return 50

    Registry.open(database).close()
    assert workers.run(write, 6, database, workers.index) == [50] * 6
    with Registry.open(database) as registry:
        assert len(registry.sessions.list()) == 300
