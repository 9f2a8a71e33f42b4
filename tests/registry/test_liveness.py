from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry import liveness
from pytest_sessionreg.registry.clock import to_text
from pytest_sessionreg.registry.doctor import examine
from pytest_sessionreg.registry.liveness import (
    TOLERANCE_S,
    is_dead,
    pid_namespace,
    process_identity,
    process_start,
)

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WAIT_FOR_INPUT = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until its standard input ends."""
    with subprocess.Popen(WAIT_FOR_INPUT, stdin=subprocess.PIPE) as process:
        yield process


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and that nobody has waited for."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield process.pid


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended and been waited for."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_living_process_is_not_dead(child: subprocess.Popen[bytes]) -> None:
    start = process_start(child.pid)
    assert start is not None
    assert not is_dead(child.pid, start, pid_namespace())
    assert not is_dead(child.pid, start, None)
    assert not is_dead(child.pid, None, None)


def test_a_process_that_ends_is_dead(child: subprocess.Popen[bytes]) -> None:
    start = process_start(child.pid)
    child.communicate()
    assert is_dead(child.pid, start, pid_namespace())


def test_a_process_that_is_gone_is_dead_and_has_no_start(gone: int) -> None:
    assert process_start(gone) is None
    assert is_dead(gone, None, None)
    assert is_dead(gone, LONG_AGO, pid_namespace())


def test_a_zombie_is_dead(zombie: int) -> None:
    assert psutil.Process(zombie).status() == psutil.STATUS_ZOMBIE
    assert is_dead(zombie, process_start(zombie), None)


def test_a_reused_pid_is_another_process(child: subprocess.Popen[bytes]) -> None:
    assert is_dead(child.pid, LONG_AGO, None)


@pytest.mark.parametrize(
    ("apart", "dead"),
    [
        (0.0, False),
        (TOLERANCE_S, False),
        (-TOLERANCE_S, False),
        (TOLERANCE_S + 0.001, True),
        (-TOLERANCE_S - 0.001, True),
    ],
)
def test_two_readings_of_a_start_may_lie_a_little_apart(apart: float, *, dead: bool) -> None:
    assert TOLERANCE_S == 2
    found = LONG_AGO + timedelta(seconds=apart)
    assert is_dead(os.getpid(), LONG_AGO, None, start_of=lambda _: found) == dead


def test_a_start_that_cannot_be_learnt_is_no_proof() -> None:
    assert not is_dead(os.getpid(), LONG_AGO, None, start_of=lambda _: None)


@pytest.mark.parametrize("pid", [0, None])
def test_an_unknown_pid_is_never_dead(pid: int | None) -> None:
    assert not is_dead(pid, LONG_AGO, None)
    assert not is_dead(pid, LONG_AGO, pid_namespace())


def test_a_process_of_another_namespace_is_not_judged(gone: int) -> None:
    assert not is_dead(gone, LONG_AGO, "pid:[1]")
    assert not is_dead(os.getpid(), LONG_AGO, "pid:[1]")


def test_the_first_process_which_belongs_to_another_user_is_alive() -> None:
    assert not is_dead(1, process_start(1), None)


@pytest.mark.parametrize("pid", [2**31, 2**40, 2**63 - 1])
def test_a_number_that_no_process_can_have_is_dead(pid: int) -> None:
    assert process_start(pid) is None
    assert is_dead(pid, None, None)


def test_a_process_that_ends_between_two_looks_is_dead(monkeypatch: pytest.MonkeyPatch, gone: int) -> None:
    monkeypatch.setattr(psutil, "pid_exists", lambda _: True)
    assert is_dead(gone, LONG_AGO, None)


def test_a_process_that_may_not_be_looked_at_is_not_dead(
    monkeypatch: pytest.MonkeyPatch, child: subprocess.Popen[bytes]
) -> None:
    def refuse(_: psutil.Process) -> str:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "status", refuse)
    assert not is_dead(child.pid, LONG_AGO, None)


def test_what_a_process_knows_of_itself_is_read_once_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_own", {})
    start, identity = process_start(os.getpid()), process_identity(os.getpid())
    monkeypatch.setattr(liveness, "_stat", lambda _: None)
    monkeypatch.setattr(liveness, "_start", lambda _: None)
    assert (process_start(os.getpid()), process_identity(os.getpid())) == (start, identity)
    assert start is not None
    assert abs(start.timestamp() - psutil.Process().create_time()) < TOLERANCE_S


def test_a_forked_child_is_not_its_parent() -> None:
    program = """
import os
from pytest_sessionreg.registry.liveness import process_identity
print(os.getpid(), process_identity(os.getpid()), flush=True)
child = os.fork()
if not child:
    print(os.getpid(), process_identity(os.getpid()), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    parent, child = (line.split() for line in done.stdout.splitlines())
    assert [identity.split("/")[1] for _, identity in (parent, child)] == [parent[0], child[0]]
    assert parent[1].split("/")[0] == child[1].split("/")[0]


def test_where_psutil_alone_knows_the_start_is_its_own(
    monkeypatch: pytest.MonkeyPatch, child: subprocess.Popen[bytes]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    start = process_start(child.pid)
    assert start is not None
    assert start.timestamp() == psutil.Process(child.pid).create_time()
    assert process_identity(child.pid) is None
    assert not is_dead(child.pid, start, None)


def test_a_living_process_is_not_dead_whatever_its_start_seems_to_be(child: subprocess.Popen[bytes]) -> None:
    identity = process_identity(child.pid)
    assert identity is not None
    assert not is_dead(child.pid, LONG_AGO, pid_namespace(), identity)
    child.communicate()
    assert is_dead(child.pid, None, pid_namespace(), identity)


def test_a_zombie_is_dead_by_its_identity_too(zombie: int) -> None:
    assert is_dead(zombie, None, None, process_identity(zombie))


def test_another_process_of_the_same_number_is_told_by_a_single_tick(child: subprocess.Popen[bytes]) -> None:
    boot, pid, ticks = str(process_identity(child.pid)).split("/")
    assert is_dead(child.pid, process_start(child.pid), None, f"{boot}/{pid}/{int(ticks) - 1}")


def test_a_process_of_another_boot_is_dead(child: subprocess.Popen[bytes]) -> None:
    _, pid, ticks = str(process_identity(child.pid)).split("/")
    another = "00000000-0000-0000-0000-000000000000"
    assert is_dead(child.pid, process_start(child.pid), None, f"{another}/{pid}/{ticks}")


@pytest.mark.parametrize("identity", ["", "//", "boot/1/2", "boot/x/y"])
def test_an_identity_that_speaks_of_another_pid_is_not_asked(child: subprocess.Popen[bytes], identity: str) -> None:
    assert not is_dead(child.pid, process_start(child.pid), None, identity)
    assert is_dead(child.pid, LONG_AGO, None, identity)


def test_in_a_time_namespace_of_its_own_a_process_goes_by_the_start(
    monkeypatch: pytest.MonkeyPatch, child: subprocess.Popen[bytes]
) -> None:
    """There ticks since boot are other numbers, in /proc/PID/stat, too (time_namespaces(7))."""
    identity = process_identity(child.pid)
    readlink = os.readlink
    monkeypatch.setattr(liveness, "_own", {})
    monkeypatch.setattr(os, "readlink", lambda path: "time:[1]" if path.endswith("ns/time") else readlink(path))
    assert process_identity(child.pid) is None
    assert not is_dead(child.pid, process_start(child.pid), None, identity)
    assert is_dead(child.pid, LONG_AGO, None, identity)


def _set_the_wall_clock(registry: Registry, session_id: str, step: timedelta) -> None:
    """What a step of the wall clock does, as a later judge sees it: the start that was noted and the one
    read today lie that far apart.
    """
    session = registry.sessions.get(session_id)
    assert session is not None
    assert session.process_started_at is not None
    with registry.transaction() as transaction:
        transaction.execute(
            "UPDATE sessions SET process_started_at = ? WHERE session_id = ?",
            (to_text(session.process_started_at - step), session_id),
        )


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(seconds=-3), timedelta(seconds=3), timedelta(days=30)])
@pytest.mark.parametrize("how", ["registered", "updated"])
def test_a_step_of_the_wall_clock_kills_no_session(
    session_registry: Registry, child: subprocess.Popen[bytes], how: str, step: timedelta
) -> None:
    if how == "registered":
        session_registry.sessions.register("one", pid=child.pid)
    else:
        session_registry.sessions.register("one", pid=2**40)
        session_registry.sessions.update("one", pid=child.pid)
    _set_the_wall_clock(session_registry, "one", step)
    assert not examine(session_registry.path).wrong
    assert session_registry.cleanup().dead_sessions == 0
    child.communicate()
    assert examine(session_registry.path).wrong
    assert session_registry.cleanup().dead_sessions == 1


def test_a_start_that_is_given_is_what_a_process_is_told_by(
    session_registry: Registry, child: subprocess.Popen[bytes]
) -> None:
    session_registry.sessions.register("one", pid=child.pid)
    session_registry.sessions.register("one", pid=child.pid, process_started_at=LONG_AGO)
    session_registry.sessions.register("two", pid=child.pid)
    session_registry.sessions.update("two", process_started_at=LONG_AGO)
    assert session_registry.cleanup().dead_sessions == 2


def test_a_writer_that_knows_no_identities_leaves_none_of_another_process(
    session_registry: Registry, child: subprocess.Popen[bytes]
) -> None:
    """A program of the schema before them may have had the file open when it was migrated."""
    session_registry.sessions.register("one", pid=os.getpid())
    start = process_start(child.pid)
    assert start is not None
    with session_registry.transaction() as transaction:
        transaction.execute("UPDATE sessions SET pid = ?, process_started_at = ?", (child.pid, to_text(start)))
    assert session_registry.cleanup().dead_sessions == 0
    child.communicate()
    assert session_registry.cleanup().dead_sessions == 1


def test_where_there_are_no_namespaces_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> str:
        raise FileNotFoundError

    assert pid_namespace() is not None
    monkeypatch.setattr(os, "readlink", missing)
    assert pid_namespace() is None


def test_a_cleanup_marks_the_sessions_of_dead_processes_only(
    session_registry: Registry, child: subprocess.Popen[bytes], zombie: int, gone: int
) -> None:
    register = session_registry.sessions.register
    register("living", pid=child.pid)
    register("own", pid=os.getpid())
    register("reused", pid=child.pid, process_started_at=LONG_AGO)
    register("zombie", pid=zombie)
    register("gone", pid=gone)
    register("zero", pid=0)
    register("unknown")
    register("elsewhere", pid=gone)
    session_registry.sessions.update("elsewhere", pid_namespace="pid:[1]")
    register("finished", pid=gone)
    session_registry.sessions.finish("finished")
    assert session_registry.cleanup().dead_sessions == 3
    crashed = {session.session_id for session in session_registry.sessions.list(status="crashed")}
    assert crashed == {"reused", "zombie", "gone"}
    assert session_registry.cleanup().dead_sessions == 0
    child.communicate()
    assert session_registry.cleanup().dead_sessions == 1


def test_a_pid_in_another_namespace_stays_there_when_only_the_parent_is_registered(
    session_registry: Registry, gone: int
) -> None:
    session_registry.sessions.register("one", pid=gone)
    session_registry.sessions.update("one", pid_namespace="pid:[1]")
    session_registry.sessions.register("one", ppid=os.getpid())
    assert session_registry.cleanup().dead_sessions == 0
