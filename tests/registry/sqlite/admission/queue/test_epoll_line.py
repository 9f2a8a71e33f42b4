from __future__ import annotations

import os
import signal
import sqlite3
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, monotonic_ns, sleep

import pytest

from pytest_sessionreg import WriteTimeout
from pytest_sessionreg.registry.sqlite.admission.queue import wait
from pytest_sessionreg.registry.sqlite.admission.queue.bell import SUFFIX as BELL
from pytest_sessionreg.registry.sqlite.admission.queue.epoll_line import EpollLine
from pytest_sessionreg.registry.sqlite.admission.queue.hints import HUNGRY_NS, ROOM_NS
from pytest_sessionreg.registry.sqlite.admission.queue.line import line_state
from pytest_sessionreg.registry.sqlite.admission.queue.probe import Probe
from pytest_sessionreg.registry.sqlite.admission.queue.sidecar import (
    AWAKE_AT,
    HEADER,
    HUNGRY_AT,
    LEASE_AT,
    ROOM_AT,
    SUFFIX,
)

_DEADLINE_S = 120
_SLICE_NS = 40_000_000


class _Writer:
    """A connection to the database and its place in the line."""

    def __init__(self, database: str, slice_ns: int = 0) -> None:
        self.connection = sqlite3.connect(database, timeout=0, isolation_level=None, check_same_thread=False)
        self.line = EpollLine(database, slice_ns)

    def begin(self) -> bool:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True

    def admit(self, patience_s: float = _DEADLINE_S) -> int:
        return self.line.admit(self.begin, round(patience_s * 1e9))

    def leave(self) -> None:
        self.connection.execute("COMMIT")
        self.line.leave()

    def close(self) -> None:
        self.connection.close()
        self.line.close()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    """A database in WAL mode, which somebody has open."""
    path = str(tmp_path / "any.db")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    yield path
    connection.close()


@pytest.fixture
def writer(path: str) -> Iterator[Callable[..., _Writer]]:
    """Makes writers of one database, as many as are asked for; closed afterwards."""
    with ExitStack() as stack:

        def make(slice_ns: int = 0) -> _Writer:
            made = _Writer(path, slice_ns)
            stack.callback(made.close)
            return made

        yield make


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + _DEADLINE_S
    while not condition():
        assert monotonic() < deadline
        sleep(0.001)


def _waiting(path: str) -> int:
    state = line_state(path)
    return 0 if state is None else len(state.waiters or ())


def _in_line(writer: _Writer, path: str) -> threading.Thread:
    """A thread in which `writer` waits until it has the lock; returns once it is in line."""
    before = _waiting(path)
    thread = threading.Thread(target=writer.admit, daemon=True)
    thread.start()
    _wait_until(lambda: _waiting(path) > before)
    return thread


@contextmanager
def _waiting_process(path: str, place: int) -> Iterator[subprocess.Popen[str]]:
    """A process in line behind `place - 1` others; it says when it has the lock, and leaves."""
    program = (
        "import sqlite3; from time import monotonic\n"
        "from pytest_sessionreg.registry.sqlite.admission.queue.epoll_line import EpollLine\n"
        f"connection = sqlite3.connect({path!r}, timeout=0, isolation_level=None)\n"
        "connection.execute('SELECT * FROM t').fetchall()\n"
        "def begin():\n"
        "    try: connection.execute('BEGIN IMMEDIATE')\n"
        "    except sqlite3.OperationalError: return False\n"
        "    return True\n"
        f"line = EpollLine({path!r}, 0)\n"
        f"line.admit(begin, {_DEADLINE_S * 10**9})\n"
        "print(monotonic(), flush=True)\n"
        "connection.execute('COMMIT'); line.leave()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        _wait_until(lambda: _waiting(path) == place)
        yield process
    finally:
        process.kill()
        process.communicate()


def _set(path: str, offset: int, *numbers: int) -> None:
    with open(path + SUFFIX, "r+b") as sidecar:
        sidecar.seek(offset)
        sidecar.write(struct.pack(f"<{len(numbers)}Q", *numbers))


def test_a_writer_that_meets_nobody_leaves_no_trace(writer: Callable[..., _Writer], path: str) -> None:
    alone = writer()
    for _ in range(3):
        assert alone.admit() == 0
        assert _waiting(path) == 0
        alone.leave()
    assert Path(path + SUFFIX).read_bytes() == HEADER
    assert not os.path.exists(path + BELL)


def test_a_waiter_is_seen_with_its_process_and_admitted_when_the_holder_leaves(
    writer: Callable[..., _Writer], path: str
) -> None:
    holder, waiter, before_ns = writer(), writer(), monotonic_ns()
    holder.admit()
    waiting = _in_line(waiter, path)
    state = line_state(path)
    assert state is not None
    assert [each.pid for each in state.waiters or ()] == [os.getpid()]
    assert before_ns < (state.waiters or [])[0].since_ns < monotonic_ns()
    holder.leave()
    waiting.join(_DEADLINE_S)
    assert waiter.connection.in_transaction
    waiter.leave()
    assert _waiting(path) == 0


def test_who_comes_straight_back_passes_nobody_and_who_comes_anew_may(
    writer: Callable[..., _Writer], path: str
) -> None:
    holder, waiter, comer = writer(), writer(), writer()
    holder.admit()
    waiting = _in_line(waiter, path)
    _set(path, HUNGRY_AT, 0)
    comer.line._straight_back = True
    assert not comer.line._may_pass(monotonic_ns())
    comer.line._straight_back = False
    assert comer.line._may_pass(monotonic_ns())
    holder.leave()
    waiting.join(_DEADLINE_S)
    waiter.leave()
    comer.line._straight_back = True
    assert comer.line._may_pass(monotonic_ns()), "nobody waits"


def test_nobody_passes_a_writer_that_woke_in_vain(writer: Callable[..., _Writer], path: str) -> None:
    newcomer = writer()
    now_ns = monotonic_ns()
    _set(path, HUNGRY_AT, now_ns + HUNGRY_NS)
    assert not newcomer.line._may_pass(now_ns)
    assert newcomer.line._may_pass(now_ns + HUNGRY_NS)


def test_a_waiter_gives_up_at_its_deadline_and_the_line_is_as_before(writer: Callable[..., _Writer], path: str) -> None:
    holder, waiter, third = writer(), writer(), writer()
    holder.admit()
    started = monotonic()
    with pytest.raises(WriteTimeout, match="in line, 1 ahead, held up by pid") as caught:
        waiter.admit(0.2)
    assert monotonic() - started >= 0.2
    assert caught.value.holder is not None
    assert 0 < (caught.value.holder.held_s or 0) < monotonic() - started
    assert _waiting(path) == 0
    holder.leave()
    third.admit()


def test_who_waits_behind_a_writer_that_does_not_queue_waits_at_sqlites_lock(
    writer: Callable[..., _Writer], path: str
) -> None:
    program = (
        f"import sqlite3, sys; connection = sqlite3.connect({path!r}, isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as plain:
        assert plain.stdout is not None
        assert plain.stdout.readline() == "held\n"
        waiter, before_ns = writer(), monotonic_ns()
        with pytest.raises(WriteTimeout, match="at SQLite's lock, held up by pid") as caught:
            waiter.admit(0.1)
        assert (caught.value.phase, caught.value.place) == ("begin", None)
        assert caught.value.holder is not None
        assert caught.value.holder.pid == plain.pid
        plain.kill()
    waiter.admit()
    assert before_ns < waiter.line._room_until_ns <= monotonic_ns() + ROOM_NS, "room is made for its like"


def test_processes_killed_in_line_keep_nobody_waiting(writer: Callable[..., _Writer], path: str) -> None:
    holder = writer()
    holder.admit()
    with ExitStack() as stack:
        processes = [stack.enter_context(_waiting_process(path, place)) for place in range(1, 7)]
        for victim in (0, 1, 4):  # those that look by themselves among them
            processes[victim].kill()
            processes[victim].wait()
        assert _waiting(path) == 3
        holder.leave()
        entered = [float(processes[place].stdout.readline()) for place in (2, 3, 5)]  # type: ignore[union-attr]
        assert len(entered) == 3
    writer().admit()


def test_a_holder_that_is_killed_rings_for_nobody_and_the_next_is_admitted_all_the_same(path: str) -> None:
    with ExitStack() as stack:
        blocker = sqlite3.connect(path, timeout=0, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        processes = [stack.enter_context(_waiting_process(path, place)) for place in range(1, 5)]
        blocker.close()  # nobody rings
        entered = [float(process.stdout.readline()) for process in processes]  # type: ignore[union-attr]
        assert len(entered) == 4


def test_a_waiter_that_was_stopped_is_passed_by(writer: Callable[..., _Writer], path: str) -> None:
    holder, behind = writer(), writer()
    holder.admit()
    with _waiting_process(path, 1) as process:
        os.kill(process.pid, signal.SIGSTOP)
        waiting = _in_line(behind, path)
        holder.leave()
        waiting.join(_DEADLINE_S)
        assert behind.connection.in_transaction
        os.kill(process.pid, signal.SIGCONT)
        behind.leave()
        assert process.stdout is not None
        assert float(process.stdout.readline()) > 0


def test_a_lease_lets_its_owner_back_in_ahead_of_the_line_until_it_ends(
    writer: Callable[..., _Writer], path: str
) -> None:
    owner, waiter = writer(_SLICE_NS), writer()
    deadline = monotonic() + _DEADLINE_S
    returns = 0
    while returns < 3:
        assert monotonic() < deadline, "on a busy machine one lease may pass unused, but not all"
        owner.line._left_ns = monotonic_ns()
        owner.admit()
        lease_until_ns = owner.line._lease_until_ns
        waiting = _in_line(waiter, path)
        returns = 0
        with suppress(WriteTimeout):  # the lease is over, and the waiter has the lock
            while monotonic_ns() < lease_until_ns:
                owner.leave()
                owner.admit(0)
                returns += 1
        if owner.connection.in_transaction:
            owner.leave()
        waiting.join(_DEADLINE_S)
        waiter.leave()


def test_who_was_away_or_writes_for_longer_than_a_slice_has_no_lease(writer: Callable[..., _Writer]) -> None:
    owner = writer(_SLICE_NS)
    owner.line._left_ns = monotonic_ns() - _SLICE_NS
    owner.admit()
    assert not owner.line._lease_until_ns, "it was away"
    owner.leave()
    leases = []
    for hold_ns in (0, 2 * _SLICE_NS, 2 * _SLICE_NS, 0):
        owner.line._held_before_ns, owner.line._held_ns = owner.line._held_ns, hold_ns
        owner.line._take_lease(monotonic_ns())
        leases.append(owner.line._lease_until_ns > 0)
    assert leases == [True, True, False, True], "one long write between short ones may have met a checkpoint"
    owner.line._room_until_ns = monotonic_ns() + ROOM_NS
    owner.line._take_lease(monotonic_ns())
    assert not owner.line._lease_until_ns, "there would be no room within a lease"


@pytest.mark.parametrize("offset", [HUNGRY_AT, AWAKE_AT, LEASE_AT, ROOM_AT])
@pytest.mark.parametrize("value", [2**64 - 1, 2**63, 1])
def test_a_word_that_no_writer_writes_keeps_nobody_out(
    writer: Callable[..., _Writer], path: str, offset: int, value: int
) -> None:
    one, other = writer(), writer()
    _set(path, offset, value)
    one.admit()
    waiting = _in_line(other, path)
    one.leave()
    waiting.join(_DEADLINE_S)
    assert other.connection.in_transaction
    assert other.line._room_until_ns == 0


def _link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def _second_name(path: Path, victim: Path) -> None:
    os.link(victim, path)


def _text(path: Path, victim: Path) -> None:
    path.write_bytes(victim.read_bytes())


def _pipe(path: Path, victim: Path) -> None:  # noqa: ARG001  as the others
    os.mkfifo(path)


def _directory(path: Path, victim: Path) -> None:  # noqa: ARG001  as the others
    path.mkdir()


@pytest.mark.parametrize("plant", [_link, _second_name, _text, _pipe, _directory])
def test_a_file_that_is_not_the_queues_is_refused_and_left_as_it_is(
    path: str, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("some notes\n")
    plant(Path(path + SUFFIX), victim)
    kind = stat.S_IFMT(os.lstat(path + SUFFIX).st_mode)
    with pytest.raises(OSError, match="line") as caught:
        EpollLine(path, 0)
    assert caught.value.filename == path + SUFFIX
    assert victim.read_text() == "some notes\n"
    assert stat.S_IFMT(os.lstat(path + SUFFIX).st_mode) == kind


@pytest.mark.parametrize("plant", [_link, _text, _directory])
def test_a_bell_that_is_not_the_queues_is_left_alone_and_those_in_line_look_instead(
    writer: Callable[..., _Writer], path: str, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("some notes\n")
    plant(Path(path + BELL), victim)
    holder, waiter = writer(), writer()
    holder.admit()
    waiting = _in_line(waiter, path)
    holder.leave()
    waiting.join(_DEADLINE_S)
    assert waiter.connection.in_transaction
    assert victim.read_text() == "some notes\n"


def test_where_no_pipe_can_be_made_those_in_line_look(
    writer: Callable[..., _Writer], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "mkfifo", refuse)
    holder, first, second = writer(), writer(), writer()
    holder.admit()
    _in_line(first, path)
    _in_line(second, path)
    holder.leave()
    _wait_until(lambda: first.connection.in_transaction or second.connection.in_transaction)
    one, other = (first, second) if first.connection.in_transaction else (second, first)
    one.leave()
    _wait_until(lambda: other.connection.in_transaction)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o666])
def test_the_queues_files_have_the_mode_of_the_database(writer: Callable[..., _Writer], path: str, mode: int) -> None:
    os.chmod(path, mode)
    holder, waiter = writer(), writer()
    holder.admit()
    waiting = _in_line(waiter, path)
    assert [stat.S_IMODE(os.stat(path + suffix).st_mode) for suffix in (SUFFIX, BELL)] == [mode, mode]
    holder.leave()
    waiting.join(_DEADLINE_S)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_under_root_the_queues_files_belong_to_the_owner_of_the_database(
    writer: Callable[..., _Writer], path: str
) -> None:
    os.chown(path, 12345, 23456)
    holder, waiter = writer(), writer()
    holder.admit()
    waiting = _in_line(waiter, path)
    owners = {(status.st_uid, status.st_gid) for status in (os.stat(path + suffix) for suffix in (SUFFIX, BELL))}
    assert owners == {(12345, 23456)}
    holder.leave()
    waiting.join(_DEADLINE_S)


def test_closing_or_dropping_a_line_leaves_no_descriptor_and_no_place(path: str) -> None:
    def descriptors() -> list[str]:
        numbers = os.listdir("/proc/self/fd")
        names = [
            os.readlink(f"/proc/self/fd/{number}") for number in numbers if os.path.exists(f"/proc/self/fd/{number}")
        ]
        return sorted(name for name in names if SUFFIX in name or "eventpoll" in name)

    before = descriptors()
    for closes in (True, False):
        holder, waiter = _Writer(path), _Writer(path)
        holder.admit()
        waiting = _in_line(waiter, path)
        holder.leave()
        waiting.join(_DEADLINE_S)
        waiter.connection.execute("COMMIT")  # and never leaves
        for each in (holder, waiter):
            each.connection.close()
            if closes:
                each.line.close()
        del holder, waiter, each, waiting
        assert descriptors() == before
        assert _waiting(path) == 0


def test_what_an_exception_left_in_line_is_cleared_by_the_next_write(
    writer: Callable[..., _Writer], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, waiter = writer(), writer()
    holder.admit()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(wait.Wait, "until_admitted", interrupt)
        patch.setattr(EpollLine, "_quit", interrupt)
        with pytest.raises(KeyboardInterrupt):
            waiter.admit()
    assert _waiting(path) == 1
    holder.leave()
    waiter.admit()
    assert _waiting(path) == 0
    waiter.leave()


def test_a_stale_descriptor_of_the_wal_index_costs_a_look_and_no_more(
    writer: Callable[..., _Writer], tmp_path: Path
) -> None:
    holder, waiter = writer(), writer()
    holder.admit()
    with pytest.raises(WriteTimeout):
        waiter.admit(0.01)
    probe = waiter.line._probe
    other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN IMMEDIATE")
    stale = Probe(str(tmp_path / "other.db"))
    stale.find()
    assert not stale.is_free()
    probe._fd = stale._fd  # the number means another file now, whose lock is held for ever
    holder.leave()
    waiter.admit()
    waiter.leave()
    other.close()
