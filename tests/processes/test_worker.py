from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

import psutil
import pytest

from pytest_sessionreg.processes import (
    Call,
    DeadlinePassed,
    Group,
    GroupEnded,
    ProcessError,
    StartMethod,
    WorkerDied,
    WorkerEnded,
    WorkerFailed,
)

from ..waiting import wait_until, wait_until_gone

_EVERY_METHOD = pytest.mark.parametrize("method", list(StartMethod), ids=lambda method: method.value)
_ME = sys.modules[__name__]


def _running(
    function: Callable[..., object],
    count: int,
    *arguments: object,
    method: StartMethod = StartMethod.FORKSERVER,
    deadline_s: float = 120,
) -> Group:
    """A group that has been let go."""
    calls = [Call.plain(function, *arguments)] * count
    group = Group(calls, deadline_s=deadline_s, by_value=_ME, start_method=method)
    group.start()
    try:
        group.wait_until_ready()
        group.release()
    except DeadlinePassed:
        group.end()
        raise
    return group


def _soon_at_its_deadline(function: Callable[..., object], count: int, then: Callable[[Group], object] = list) -> Group:
    """A group that has been let go, and with which `then` was done, under about the shortest deadline in which that can
    be on this machine.
    """
    deadline_s = 1.0
    while True:
        try:
            group = _running(function, count, deadline_s=deadline_s)
            try:
                then(group)
            except DeadlinePassed:
                group.end()
                raise
        except DeadlinePassed:
            deadline_s *= 2
            assert deadline_s < 200
        else:
            return group


def _wait_for_each(group: Group) -> None:
    for worker in group:
        worker.wait()


def _count_up(path: Path) -> None:
    number = 0
    while True:
        number += 1
        path.write_text(str(number))


@_EVERY_METHOD
def test_one_is_killed_and_the_others_finish(method: StartMethod) -> None:
    def answer(number: int) -> int:
        if number == 1:
            signal.pause()
        return number

    calls = [Call.plain(answer, number) for number in range(3)]
    with Group(calls, deadline_s=120, by_value=_ME, start_method=method) as group:
        group.wait_until_ready()
        group.release()
        assert group[1].alive
        group[1].kill()
        assert not group[1].alive
        assert group.results() == [0, None, 2]
        assert group.wait() == [0, -signal.SIGKILL, 0]
        assert group[1].result() is None


def test_what_a_killed_worker_held_is_free(database: str) -> None:
    def hold(ready: Path) -> None:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        ready.touch()
        signal.pause()

    ready = Path(database).with_name("ready")
    with _running(hold, 1, ready) as group:
        wait_until(ready.exists)
        group[0].kill()
        connection = sqlite3.connect(database, isolation_level=None, timeout=0)
        connection.execute("BEGIN IMMEDIATE")
        connection.close()


@_EVERY_METHOD
def test_a_stopped_worker_stands_still_until_it_goes_on(tmp_path: Path, method: StartMethod) -> None:
    path = tmp_path / "number"
    with _running(_count_up, 1, path, method=method) as group:
        wait_until(path.exists)
        group[0].stop()
        assert psutil.Process(group[0].pid).status() == psutil.STATUS_STOPPED
        assert group[0].alive
        before = path.read_text()
        sleep(0.05)
        assert path.read_text() == before
        group[0].cont()
        wait_until(lambda: path.read_text() not in {before, ""})


def test_all_are_stopped_continued_and_killed_at_once(tmp_path: Path) -> None:
    with _running(_count_up, 3, tmp_path / "number") as group:
        group.stop()
        assert {psutil.Process(pid).status() for pid in group.pids} == {psutil.STATUS_STOPPED}
        group.cont()
        assert len(group.alive) == 3
        group.stop()
        group.kill()
        assert group.alive == []
        assert group.results() == [None] * 3


@pytest.mark.slow
def test_the_exit_status_of_one_that_takes_long_to_end_is_told() -> None:
    """As on a busy machine: its end of the connection is closed long before it is gone."""

    def leave_slowly() -> None:
        os.closerange(3, 1000)
        sleep(2.5)
        os._exit(7)

    with _running(leave_slowly, 1) as group, pytest.raises(WorkerDied) as caught:
        group.results()
    assert caught.value.statuses == {0: 7}


def test_one_that_hangs_up_and_never_ends_is_named_at_the_deadline() -> None:
    def hang_up() -> None:
        os.closerange(3, 1000)
        signal.pause()

    def collect(group: Group) -> None:
        with pytest.raises(DeadlinePassed) as caught:
            group.results()
        if "not done ending" not in str(caught.value):  # the machine was busy: it had not yet hung up
            raise caught.value

    _soon_at_its_deadline(hang_up, 1, collect).end()


def test_the_exit_status_of_each_is_told() -> None:
    def leave() -> None:
        os._exit(7)

    with _running(leave, 2) as group:
        assert group[0].wait() == 7
        assert group.wait() == [7, 7]
        with pytest.raises(WorkerDied, match="exit status 7"):
            group[1].result()


def test_results_are_asked_for_one_by_one() -> None:
    with _running(os.getpid, 3) as group:
        assert [worker.result() for worker in group] == group.pids
        assert group.results() == group.pids
        assert group[-1].result() == group.pids[2]
        assert [worker.index for worker in group[1:]] == [1, 2]


def test_a_worker_that_has_ended_takes_no_signal() -> None:
    with _running(int, 1) as group:
        group[0].wait()
        group[0].kill()
        assert not group[0].killed
        with pytest.raises(WorkerEnded, match=r"worker 0 has ended \(exit status 0\) and cannot be stopped"):
            group[0].stop()
        with pytest.raises(WorkerEnded, match="continued"):
            group[0].cont()
        group.stop()
        group.cont()


def test_waiting_for_one_that_is_stopped_ends_at_the_deadline() -> None:
    with _soon_at_its_deadline(signal.pause, 2) as group:
        group[0].stop()
        with pytest.raises(DeadlinePassed, match="worker 0"):
            group[0].wait()


def test_results_that_came_in_time_are_there_after_the_deadline() -> None:
    with _soon_at_its_deadline(os.getpid, 2, _wait_for_each) as group:
        wait_until(lambda: group._deadline.passed)
        assert group.results() == group.pids


@pytest.mark.slow
def test_workers_end_at_the_deadline_even_if_nobody_asks_for_them() -> None:
    group = _soon_at_its_deadline(signal.pause, 2)
    wait_until(lambda: not group.alive)
    with pytest.raises(DeadlinePassed), group:
        pass


def _fail() -> None:
    raise RuntimeError("unheard")


def test_a_failure_that_nobody_asked_for_is_raised_when_the_group_is_left() -> None:
    with pytest.raises(WorkerFailed, match="2 of 2 workers failed"), _running(_fail, 2) as group:
        _wait_for_each(group)


def test_a_failure_that_was_told_is_not_raised_again() -> None:
    with _running(_fail, 2) as group:
        with pytest.raises(WorkerFailed, match="unheard"):
            group[0].result()
        with pytest.raises(WorkerFailed, match="unheard"):
            group.results()


def test_a_death_that_nobody_wished_is_raised_when_the_group_is_left() -> None:
    group = _running(signal.pause, 2)
    os.kill(group[1].pid, signal.SIGKILL)
    wait_until(lambda: not group[1].alive)
    with pytest.raises(WorkerDied, match=r"worker 1 \(killed by signal 9\)"), group:
        pass


def test_a_running_worker_that_is_ended_with_the_group_has_no_result() -> None:
    with _running(signal.pause, 1) as group:
        pass
    assert not group[0].alive
    with pytest.raises(GroupEnded, match="worker 0 had not answered"):
        group.results()
    with pytest.raises(GroupEnded):
        group[0].result()
    assert group[0].wait() is None


def test_a_large_result_does_not_keep_its_worker_waiting() -> None:
    with _running(bytes, 1, 10_000_000) as group:
        assert group[0].wait() == 0
        assert len(group[0].result()) == 10_000_000


def test_a_fork_server_that_dies_is_named_and_its_workers_die_with_it() -> None:
    with _running(signal.pause, 2) as group:
        os.kill(psutil.Process(group[0].pid).ppid(), signal.SIGKILL)
        with pytest.raises(ProcessError, match="the fork server died"):
            group.results()
        pids = group.pids
    wait_until_gone(pids)


def _leave_by(leave: Callable[[int], object]) -> None:
    """Ends as under coverage, which does its work in `os._exit`."""
    os._exit = leave  # type: ignore[assignment]


@_EVERY_METHOD
def test_one_that_has_answered_leaves_by_itself(method: StartMethod, tmp_path: Path) -> None:
    real_exit = os._exit

    def answer() -> str:
        def leave(status: int) -> None:
            sleep(0.3)
            (tmp_path / "data").write_text("of coverage")
            real_exit(status)

        _leave_by(leave)
        return "answer"

    with Group([Call.plain(answer)], deadline_s=120, by_value=_ME, start_method=method) as group:
        assert group.run() == ["answer"]
    assert (tmp_path / "data").read_text() == "of coverage"


@pytest.mark.slow
@_EVERY_METHOD
def test_one_that_has_answered_and_never_leaves_is_killed(method: StartMethod) -> None:
    def answer() -> int:
        _leave_by(lambda _: signal.pause())
        return os.getpid()

    with Group([Call.plain(answer)], deadline_s=120, by_value=_ME, start_method=method) as group:
        (pid,) = group.run()
    assert not psutil.pid_exists(pid)


def test_one_that_was_stopped_after_its_answer_is_let_go(tmp_path: Path) -> None:
    real_exit = os._exit

    def answer() -> None:
        def leave(status: int) -> None:
            (tmp_path / "leaving").touch()
            signal.raise_signal(signal.SIGSTOP)
            (tmp_path / "left").touch()
            real_exit(status)

        _leave_by(leave)

    with Group([Call.plain(answer)], deadline_s=120, by_value=_ME) as group:
        group.run()
        wait_until(lambda: psutil.Process(group[0].pid).status() == psutil.STATUS_STOPPED)
    assert (tmp_path / "left").exists()


@_EVERY_METHOD
def test_ticks_come_while_one_result_is_waited_for(method: StartMethod, tmp_path: Path) -> None:
    path = tmp_path / "third"
    ticks: list[int] = []

    def run_until_the_third() -> None:
        while not path.exists():
            sleep(0.01)

    def tick() -> None:
        ticks.append(len(ticks))
        if len(ticks) == 3:
            path.touch()

    with _running(run_until_the_third, 1, method=method) as group:
        group[0].result(tick)
    assert len(ticks) >= 3
