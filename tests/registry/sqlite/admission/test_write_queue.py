from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest

from pytest_sessionreg import Registry, WriteQueue, WriteTimeout
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.registry.sqlite.admission.queue import byte_locks, epoll_line, flock_line
from pytest_sessionreg.registry.sqlite.admission.queue.bell import SUFFIX as BELL
from pytest_sessionreg.registry.sqlite.admission.queue.epoll_line import EpollLine
from pytest_sessionreg.registry.sqlite.admission.queue.line import line_state
from pytest_sessionreg.registry.sqlite.admission.queue.sidecar import SUFFIX
from pytest_sessionreg.registry.sqlite.connection import open_connection

_DEADLINE_S = 120


@contextmanager
def _holder(database: str) -> Iterator[subprocess.Popen[str]]:
    """A process that was admitted through the queue and holds the write lock until it is told to go on."""
    program = (
        "import sys; from pytest_sessionreg import Registry\n"
        f"registry = Registry.open({database!r})\n"
        "with registry.transaction():\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
        "print('released', flush=True); sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _patient(database: str) -> Registry:
    return Registry.open(database, policy=WriteQueue(patience=_DEADLINE_S))


def test_writers_that_wait_are_admitted_in_the_order_in_which_they_came(database: str, workers: Workers) -> None:
    def write(path: str, worker: int) -> float:
        """As the one that holds the lock, until all others wait; or in line, behind the workers before this one."""

        def wait_until_in_line(count: int) -> None:
            while (state := line_state(path)) is None or len(state.waiters or ()) != count:
                sleep(0.001)

        with Registry.open(path, policy=WriteQueue(patience=120)) as registry:
            if worker > 1:
                wait_until_in_line(worker - 1)
            elif worker:
                while not os.path.exists(path + ".held"):
                    sleep(0.001)
            with registry.transaction():
                admitted = monotonic()
                if not worker:
                    Path(path + ".held").touch()
                    wait_until_in_line(7)
        return admitted

    Registry.open(database).close()
    for _ in range(20):
        Path(database + ".held").unlink(missing_ok=True)
        admitted = workers.run(write, 8, database, workers.index)
        assert min(admitted[1:]) > admitted[0]
        if admitted == sorted(admitted):  # by chance: once in 5,040
            return
    pytest.fail("on a busy machine one that looks by itself is passed, but not every time")


def test_queued_writers_without_pause_give_nothing_up(database: str, workers: Workers) -> None:
    def write(path: str) -> list[str]:
        outcomes: list[str] = []
        with Registry.open(path, observer=lambda record: outcomes.append(record.outcome)) as registry:
            for number in range(50):
                registry.sessions.register(f"{os.getpid()}-{number}")
        return outcomes

    Registry.open(database).close()
    assert workers.run(write, 8, database) == [["committed"] * 50] * 8
    with Registry.open(database) as registry:
        assert len(registry.sessions.list()) == 400


def test_only_a_writer_that_comes_straight_back_has_a_slice(database: str) -> None:
    with Registry.open(database, policy=WriteQueue(slice=0.05)) as registry:
        admission: Any = registry._database._admission

        def leased() -> bool:
            with registry.transaction():
                return bool(admission._line._lease_until_ns)

        assert any(leased() for _ in range(100)), "a machine on which no two writes are within 25 ms"
        for _ in range(3):
            sleep(0.06)
            assert not leased(), "it was away"


def test_a_writer_that_gives_up_in_line_says_its_place_and_the_next_is_admitted(database: str) -> None:
    Registry.open(database).close()
    before = monotonic()
    with _holder(database) as holder, _patient(database) as registry:
        with pytest.raises(WriteTimeout, match="in line, 1 ahead") as caught, registry.patience(0.2):
            registry.sessions.register("one")
        assert (caught.value.phase, caught.value.place) == ("queue", 1)
        assert caught.value.waited_s >= 0.2
        assert caught.value.holder is not None
        assert (caught.value.holder.pid, caught.value.holder.state) == (holder.pid, "alive")
        assert 0 < (caught.value.holder.held_s or 0) < monotonic() - before
        assert f"held up by pid {holder.pid} (" in str(caught.value)
        holder.stdin.write("\n")  # type: ignore[union-attr]
        assert holder.stdout.readline() == "released\n"  # type: ignore[union-attr]
        registry.sessions.register("two")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_holder_that_dies_lets_the_next_in(database: str, end: signal.Signals) -> None:
    Registry.open(database).close()
    with _holder(database) as holder, _patient(database) as registry:
        holder.send_signal(end)
        registry.sessions.register("one")
        assert registry.sessions.get("one") is not None


def test_a_stopped_holder_costs_the_waiter_its_patience_and_no_more(database: str) -> None:
    Registry.open(database).close()
    with _holder(database) as holder, _patient(database) as registry:
        holder.send_signal(signal.SIGSTOP)
        with pytest.raises(WriteTimeout) as caught, registry.patience(0.2):
            registry.sessions.register("one")
        assert caught.value.holder is not None
        assert (caught.value.holder.pid, caught.value.holder.state) == (holder.pid, "stopped")
        holder.send_signal(signal.SIGCONT)
        holder.stdin.write("\n")  # type: ignore[union-attr]
        assert holder.stdout.readline() == "released\n"  # type: ignore[union-attr]
        registry.sessions.register("two")


def test_a_writer_that_does_not_queue_is_waited_for(database: str, workers: Workers) -> None:
    def write(path: str, worker: int) -> int:
        done = 0
        if worker % 2:
            plain = sqlite3.connect(path, timeout=120, isolation_level=None)
            for number in range(100):
                plain.execute("BEGIN IMMEDIATE")
                plain.execute("INSERT INTO plain VALUES (?)", (number,))
                plain.execute("COMMIT")
                done += 1
            plain.close()
            return done
        with Registry.open(path, policy=WriteQueue(patience=120)) as registry:
            for number in range(100):
                registry.sessions.register(f"{worker}-{number}")
                done += 1
        return done

    with Registry.open(database) as registry, registry.transaction() as own:
        own.execute("CREATE TABLE plain (number INTEGER)")
    assert workers.run(write, 6, database, workers.index) == [100] * 6
    with Registry.open(database) as registry:
        assert len(registry.sessions.list()) == 300
        assert registry._database.read("SELECT count(*) FROM plain") == [(300,)]


def _waiting(database: str) -> int:
    state = line_state(database)
    return 0 if state is None else len(state.waiters or ())


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + _DEADLINE_S
    while not condition():
        assert monotonic() < deadline
        sleep(0.001)


def _delete(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    path.write_bytes(b"")


def _fill_with_ones(path: Path) -> None:
    path.write_bytes(b"\xff" * 64)


def _fill_with_noise(path: Path) -> None:
    path.write_bytes(os.urandom(4096))


@pytest.mark.parametrize("damage", [_delete, _truncate, _fill_with_ones, _fill_with_noise])
def test_a_damaged_sidecar_costs_no_write(database: str, workers: Workers, damage: Callable[[Path], None]) -> None:
    def write(path: str, worker: int) -> int:
        with Registry.open(path, policy=WriteQueue(patience=120)) as registry:
            for number in range(60):
                if worker == 0 and number == 20:
                    damage(Path(path + SUFFIX))
                registry.sessions.register(f"{worker}-{number}")
        return 60

    Registry.open(database).close()
    assert workers.run(write, 4, database, workers.index) == [60] * 4
    with Registry.open(database) as registry:
        assert len(registry.sessions.list()) == 240


def test_writers_meet_in_one_line_again_after_the_sidecar_was_deleted(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _patient(database) as old, _patient(database) as new:
        old.sessions.register("one")
        os.unlink(database + SUFFIX)
        monkeypatch.setattr(epoll_line, "_CHECK_NS", 0)
        old.sessions.register("two")
        new.sessions.register("three")
        assert os.path.samestat(*(os.fstat(each._database._admission._line._fd) for each in (old, new)))  # type: ignore[attr-defined]


def test_a_waiter_whose_sidecar_was_deleted_joins_the_new_line(database: str) -> None:
    def write() -> None:
        with _patient(database) as waiter:
            waiter.sessions.register("two")

    with _patient(database) as holder:
        with holder.transaction():
            thread = Thread(target=write)
            thread.start()
            _wait_until(lambda: _waiting(database) == 1)
            os.unlink(database + SUFFIX)
            _wait_until(lambda: _waiting(database) == 1)
        thread.join(_DEADLINE_S)
        assert holder.sessions.get("two") is not None


def test_a_bell_that_was_deleted_is_made_anew(database: str, workers: Workers) -> None:
    def write(path: str, worker: int) -> int:
        with Registry.open(path, policy=WriteQueue(patience=120)) as registry:
            for number in range(60):
                if worker == 0 and number == 20:
                    Path(path + BELL).unlink(missing_ok=True)
                registry.sessions.register(f"{worker}-{number}")
        return 60

    Registry.open(database).close()
    assert workers.run(write, 4, database, workers.index) == [60] * 4
    with Registry.open(database) as registry:
        assert len(registry.sessions.list()) == 240


def test_a_sidecar_that_cannot_be_opened_is_said_once_and_writers_go_on(database: str) -> None:
    os.mkdir(database + SUFFIX)
    with (
        pytest.warns(RuntimeWarning, match="not queued, because .*-line cannot be used"),
        Registry.open(database) as registry,
    ):
        registry.sessions.register("one")
        registry.sessions.register("two")
        assert len(registry.sessions.list()) == 2


def test_a_platform_without_such_locks_is_said_once_and_writers_go_on(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_locks, "AVAILABLE", False)
    monkeypatch.setattr(flock_line, "AVAILABLE", False)
    with pytest.warns(RuntimeWarning, match="this platform has no"), Registry.open(database) as registry:
        registry.sessions.register("one")
    assert not os.path.exists(database + SUFFIX)


def test_a_forked_child_does_not_keep_its_parents_place(database: str) -> None:
    """The child lives on with everything it inherited; the parent dies holding the lock; the next writer gets in."""
    Registry.open(database).close()
    program = (
        "import os, sys, time; from pytest_sessionreg import Registry\n"
        f"registry = Registry.open({database!r})\n"
        "held = registry.transaction(); held.__enter__()\n"
        "child = os.fork()\n"
        "if not child: time.sleep(600)\n"
        "print(child, flush=True); sys.stdin.readline()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        with _patient(database) as registry:
            registry.sessions.register("one")
            assert registry.sessions.get("one") is not None
    finally:
        os.kill(child, signal.SIGKILL)
        parent.communicate()


def test_an_error_in_the_block_passes_the_queue_on(database: str) -> None:
    with Registry.open(database) as one, _patient(database) as other:
        with pytest.raises(KeyError), one.transaction():
            raise KeyError
        other.sessions.register("two")


def test_a_sidecar_that_fails_after_the_commit_does_not_make_the_write_look_failed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Registry.open(database) as registry, Registry.open(database) as other:

        def fail(*_: object) -> None:
            raise OSError(5, "Input/output error")

        with pytest.warns(RuntimeWarning, match="its files failed"):
            monkeypatch.setattr(EpollLine, "leave", fail)
            registry.sessions.register("one")
        monkeypatch.undo()
        other.sessions.register("two")
        registry.sessions.register("three")
        assert len(registry.sessions.list()) == 3


def test_a_policy_that_cannot_be_bound_leaves_no_connection_open(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such lock")

    opened: list[sqlite3.Connection] = []

    def open_and_keep(path: str) -> sqlite3.Connection:
        opened.append(open_connection(path))
        return opened[0]

    monkeypatch.setattr("pytest_sessionreg.registry.sqlite.database.open_connection", open_and_keep)
    monkeypatch.setattr(WriteQueue, "bind", fail)
    with pytest.raises(RuntimeError, match="no such lock"):
        Registry.open(database)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_patience_may_be_as_long_as_a_number_can_be(database: str) -> None:
    with Registry.open(database, policy=WriteQueue(patience=1e300)) as registry:
        registry.sessions.register("one")
        assert registry.sessions.get("one") is not None


def test_a_line_that_is_lost_in_a_wait_does_not_begin_patience_anew(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(database).touch()
    given_ns: list[int] = []

    def admit(_line: EpollLine, _begin: object, patience_ns: int) -> int:
        given_ns.append(patience_ns)
        if len(given_ns) == 1:
            sleep(0.05)
            raise OSError(errno.ESTALE, "it was deleted or replaced")
        return 0

    with closing(WriteQueue(patience=60).bind(database)) as admission:
        monkeypatch.setattr(EpollLine, "admit", admit)
        admission.admit(lambda: True)
    assert given_ns[1] <= given_ns[0] - 50_000_000
