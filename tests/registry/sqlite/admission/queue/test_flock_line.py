"""The fallback of macOS, which runs wherever flock(2) does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from pytest_sessionreg import Registry, WriteQueue, WriteTimeout
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.registry.sqlite.admission.queue import byte_locks
from pytest_sessionreg.registry.sqlite.admission.queue.flock_line import FlockLine

_DEADLINE_S = 120


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Callable[[], FlockLine]]:
    """Makes places in one line, as many as are asked for; closed afterwards."""
    (tmp_path / "any.db").touch()
    with ExitStack() as stack:

        def make() -> FlockLine:
            made = FlockLine(str(tmp_path / "any.db"))
            stack.callback(made.close)
            return made

        yield make


def _enter(line: FlockLine, patience_s: float = _DEADLINE_S) -> int:
    return line.admit(lambda: True, round(patience_s * 1e9))


def test_one_is_inside_at_a_time_and_the_wait_has_a_deadline(line: Callable[[], FlockLine]) -> None:
    one, other = line(), line()
    _enter(one)
    started = monotonic()
    with pytest.raises(WriteTimeout, match="in line") as caught:
        _enter(other, 0.1)
    assert caught.value.waited_s >= 0.1
    assert caught.value.phase == "queue"
    assert monotonic() - started >= 0.1
    one.leave()
    _enter(other)
    with pytest.raises(WriteTimeout):
        _enter(one, 0)


def test_a_wait_that_was_given_up_is_no_lock_when_it_is_granted_after_all(line: Callable[[], FlockLine]) -> None:
    one, other, third = line(), line(), line()
    _enter(one)
    with pytest.raises(WriteTimeout):
        _enter(other, 0.05)
    one.leave()
    _enter(third)


def test_a_killed_holder_lets_the_next_in(line: Callable[[], FlockLine], tmp_path: Path) -> None:
    program = (
        "import time; from pytest_sessionreg.registry.sqlite.admission.queue.flock_line import FlockLine\n"
        f"line = FlockLine({str(tmp_path / 'any.db')!r})\n"
        "line.admit(lambda: True, 10**9); print('inside', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "inside\n"
            waiter = line()
            with pytest.raises(WriteTimeout):
                _enter(waiter, 0.05)
        finally:
            process.kill()
        _enter(waiter)


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
