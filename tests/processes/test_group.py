from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import monotonic, monotonic_ns, sleep

import pytest

from pytest_sessionreg.processes import (
    Call,
    DeadlinePassed,
    Group,
    GroupEmpty,
    GroupEnded,
    ProcessError,
    StartMethod,
    WorkerDied,
    WorkerFailed,
)

from ..waiting import wait_until_gone

_EVERY_METHOD = pytest.mark.parametrize("method", list(StartMethod), ids=lambda method: method.value)


def _double(number: int) -> int:
    return 2 * number


def _run(
    calls: list[Call], *, method: StartMethod = StartMethod.FORKSERVER, deadline_s: float = 120
) -> tuple[list[object], list[int]]:
    with Group(calls, deadline_s=deadline_s, by_value=sys.modules[__name__], start_method=method) as group:
        return group.run(), group.pids


@_EVERY_METHOD
def test_results_come_in_the_order_of_the_calls(method: StartMethod) -> None:
    results, pids = _run([Call.plain(_double, number) for number in range(5)], method=method)
    assert results == [0, 2, 4, 6, 8]
    assert len(set(pids)) == 5
    assert os.getpid() not in pids
    wait_until_gone(pids)


@_EVERY_METHOD
def test_local_functions_and_closures_work(method: StartMethod) -> None:
    factor = 3

    def triple(number: int) -> int:
        return factor * number

    assert _run([Call.plain(triple, 5), Call.plain(lambda: factor)], method=method)[0] == [15, 3]


def test_workers_do_not_share_the_parents_main_module() -> None:
    assert _run([Call.plain(lambda: "pytest" in sys.modules)])[0] == [False]


def test_nobody_runs_before_everybody_is_prepared() -> None:
    def stamped(delay_s: float) -> Callable[[], tuple[int, int]]:
        sleep(delay_s)
        prepared = monotonic_ns()
        return lambda: (prepared, monotonic_ns())

    stamps, _ = _run([Call(stamped, (delay_s,)) for delay_s in (0.0, 0.3, 0.1)])
    pairs = [stamp for stamp in stamps if isinstance(stamp, tuple)]
    assert max(prepared for prepared, _ in pairs) < min(ran for _, ran in pairs)


@_EVERY_METHOD
def test_a_workers_own_traceback_reaches_the_caller(method: StartMethod) -> None:
    def fail(number: int) -> None:
        wrong = {"three": number}
        if number == 3:
            raise KeyError(wrong)

    with pytest.raises(WorkerFailed, match=r"1 of 5 workers failed, the first is worker 3") as caught:
        _run([Call.plain(fail, number) for number in range(5)], method=method)
    failure = caught.value.failures[3]
    assert failure.kind == "builtins.KeyError"
    assert failure.phase == "run"
    assert "in fail" in failure.traceback
    assert __file__ in failure.traceback


def test_equal_tracebacks_are_told_once_with_their_number() -> None:
    def fail() -> None:
        raise ValueError("the same")

    with pytest.raises(WorkerFailed) as caught:
        _run([Call.plain(fail)] * 6)
    assert str(caught.value).count("ValueError: the same") == 1
    assert "(6 workers, same traceback)" in str(caught.value)


def test_one_that_cannot_prepare_keeps_all_from_running(tmp_path: Path) -> None:
    def prepare(number: int) -> Callable[[], None]:
        if number == 1:
            raise OSError("no room")
        return (tmp_path / str(number)).touch

    with pytest.raises(WorkerFailed, match="no room") as caught:
        _run([Call(prepare, (number,)) for number in range(4)])
    assert caught.value.failures[1].phase == "prepare"
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_pickled_is_a_failure() -> None:
    with pytest.raises(WorkerFailed) as caught:
        _run([Call.plain(threading.Lock)])
    assert caught.value.failures[0].phase == "result"


@_EVERY_METHOD
@pytest.mark.parametrize(("end", "status"), [("kill", -9), ("exit", 3)])
def test_a_worker_that_dies_is_named_with_its_status(method: StartMethod, end: str, status: int) -> None:
    def die(number: int) -> None:
        if number == 2:
            if end == "exit":
                os._exit(3)
            os.kill(os.getpid(), 9)

    with pytest.raises(WorkerDied, match="worker 2") as caught:
        _run([Call.plain(die, number) for number in range(4)], method=method)
    assert caught.value.statuses == {2: status}


def test_a_deadline_that_passes_while_the_workers_are_started_is_told_as_such() -> None:
    much = bytes(5_000_000)

    def hang(_: bytes) -> None:
        sleep(600)

    with pytest.raises(DeadlinePassed):
        _run([Call.plain(hang, much) for _ in range(12)], deadline_s=0.05)


@pytest.mark.slow
@_EVERY_METHOD
def test_a_worker_that_hangs_is_killed_at_the_deadline_and_named(method: StartMethod) -> None:
    def hang(number: int) -> None:
        if number == 1:
            sleep(600)

    hung: tuple[int, ...] = ()
    deadline_s = 1.0
    while hung != (1,):
        with pytest.raises(DeadlinePassed, match=r"worker.* 1") as caught:
            _run([Call.plain(hang, number) for number in range(3)], method=method, deadline_s=deadline_s)
        hung = caught.value.workers
        deadline_s *= 2  # it was too short for the others on this machine
        assert deadline_s < 200


@pytest.mark.slow
def test_a_stopped_worker_does_not_survive_the_group() -> None:
    def stop() -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    with Group([Call.plain(stop)], deadline_s=2, by_value=sys.modules[__name__]) as group:
        pids = list(group.pids)
        with pytest.raises(DeadlinePassed):
            group.run()
    wait_until_gone(pids)


def test_what_workers_started_themselves_is_killed_too() -> None:
    def start() -> int:
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid

    (pid,), _ = _run([Call.plain(start)])
    assert isinstance(pid, int)
    wait_until_gone([pid])


def test_leaving_the_group_before_the_gate_leaves_nobody(tmp_path: Path) -> None:
    with Group([Call.plain((tmp_path / "ran").touch)] * 3, deadline_s=120) as group:
        group.wait_until_ready()
        pids = list(group.pids)
    wait_until_gone(pids)
    assert not (tmp_path / "ran").exists()


def test_an_exception_of_the_callers_leaves_nobody() -> None:
    pids: list[int] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        Group([Call.plain(sleep, 600)] * 3, deadline_s=120) as group,
    ):
        pids += group.pids
        group.run(on_tick=interrupt)
    wait_until_gone(pids)


@_EVERY_METHOD
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_workers_and_scratch_die_with_a_killed_parent(tmp_path: Path, method: StartMethod, *, stopped: bool) -> None:
    if stopped and method is StartMethod.SPAWN:
        pytest.skip("only the kernel can end a stopped process, and spawned ones have no such tie")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    program = (
        "import os, sys, time\n"
        "from pytest_sessionreg.processes import Call, Group, StartMethod\n"
        "if __name__ == '__main__':\n"
        f"    with Group([Call.plain(time.sleep, 600)] * 3, deadline_s=120, scratch={str(scratch)!r},\n"
        f"               start_method=StartMethod({method.value!r})) as group:\n"
        "        group.wait_until_ready(); group.release()\n"
        "        print(*group.pids, flush=True); sys.stdin.readline()\n"
    )
    path = tmp_path / "parent.py"
    path.write_text(program)
    parent = subprocess.Popen([sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 3
    for pid in pids if stopped else []:
        os.kill(pid, signal.SIGSTOP)
    parent.kill()
    parent.communicate()
    wait_until_gone(pids)
    if method is StartMethod.FORKSERVER:
        deadline = monotonic() + 120
        while scratch.exists() and monotonic() < deadline:
            sleep(0.01)
        assert not scratch.exists()


def test_what_workers_print_stays_out_of_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "parent.py"
    path.write_text(
        "from pytest_sessionreg.processes import Call, Group\n"
        "with Group([Call.plain(print, 'from a worker')], deadline_s=120) as group: group.run()\n"
        "print('from the parent')\n"
    )
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "from the parent\n"
    assert "from a worker" in done.stderr


def test_what_cannot_travel_is_told_with_the_remedy() -> None:
    lock = threading.Lock()
    with pytest.raises(ProcessError, match=r"cannot pickle '_thread.lock' object; .*make such an object inside"):
        Group([Call.plain(lambda: lock)], deadline_s=120)


def test_a_group_of_nobody_has_nothing_to_wait_for() -> None:
    with (
        Group([], deadline_s=120) as group,
        pytest.raises(GroupEmpty, match="has no worker; give it calls, or add some"),
    ):
        group.run()


@_EVERY_METHOD
def test_a_worker_that_is_added_later_waits_at_a_barrier_of_its_own(method: StartMethod, tmp_path: Path) -> None:
    def prepare(name: str) -> Callable[[], str]:
        (tmp_path / name).touch()

        def run() -> str:
            (tmp_path / "ran").touch()
            return name

        return run

    module = sys.modules[__name__]
    with Group([Call.plain(_double, 1)], deadline_s=120, by_value=module, start_method=method) as group:
        assert group.run() == [2]
        added = group.add(Call(prepare, ("added",)))
        added.wait_until_ready()
        assert (tmp_path / "added").exists()
        assert not (tmp_path / "ran").exists()
        assert (added.index, len(group), group[1], group.pids[1]) == (1, 2, added, added.pid)
        before_ns = monotonic_ns()
        assert before_ns <= added.release() <= monotonic_ns()
        assert added.result() == "added"
        assert group.results() == [2, "added"]
        pids = group.pids
    wait_until_gone(pids)


@_EVERY_METHOD
def test_all_workers_of_a_group_may_be_added_and_are_released_together(method: StartMethod) -> None:
    with Group([], deadline_s=120, by_value=sys.modules[__name__], start_method=method) as group:
        for number in range(3):
            group.add(Call.plain(_double, number))
        assert group.run() == [0, 2, 4]


@_EVERY_METHOD
def test_an_added_worker_is_killed_with_the_group_and_fails_as_the_others_do(method: StartMethod) -> None:
    def fail() -> Callable[[], None]:
        raise KeyError("added")

    with Group([], deadline_s=120, by_value=sys.modules[__name__], start_method=method) as group:
        added = group.add(Call.plain(fail))
        idle = group.add(Call.plain(sleep, 600))
        idle.release()
        added.release()
        with pytest.raises(WorkerFailed, match="KeyError: 'added'"):
            added.result()
        never = group.add(Call(fail))
        with pytest.raises(WorkerFailed, match="KeyError: 'added'") as caught:
            never.wait_until_ready()
        assert caught.value.failures[never.index].phase == "prepare"
        pids = group.pids
    wait_until_gone(pids)


def test_an_added_worker_has_the_deadline_of_its_group() -> None:
    with Group([], deadline_s=0.5) as group:
        added = group.add(Call.plain(sleep, 600))
        added.release()
        with pytest.raises(DeadlinePassed):
            added.result()


def test_workers_are_added_only_while_the_group_runs() -> None:
    group = Group([Call.plain(_double, 1)], deadline_s=120, by_value=sys.modules[__name__])
    with pytest.raises(GroupEnded, match="does not run"):
        group.add(Call.plain(_double, 2))
    with group:
        assert group.run() == [2]
    with pytest.raises(GroupEnded, match="does not run"):
        group.add(Call.plain(_double, 2))


def test_workers_that_came_and_went_keep_no_descriptor() -> None:
    with Group([], deadline_s=120, by_value=sys.modules[__name__]) as group:
        before = len(os.listdir("/dev/fd"))
        for _ in range(20):
            added = group.add(Call.plain(sleep, 600))
            added.kill()
            assert added.wait() == -signal.SIGKILL
        assert len(os.listdir("/dev/fd")) == before


def test_a_preload_that_fails_is_an_error_and_not_a_hang(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(ProcessError, match="fork server died"),
        Group([Call.plain(print)], deadline_s=120, preload=["no_such_module"]),
    ):
        pass
    assert "no_such_module" in capfd.readouterr().err


def test_a_preload_that_was_only_worth_a_try_fails_nothing() -> None:
    with Group([Call.plain(print, "no_such_module")], deadline_s=120, preload_if_used=["no_such_module"]) as group:
        assert group.run() == [None]


def test_a_module_that_is_an_object_of_its_own_kind_reaches_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_module.py").write_text(
        "import sys, types\n"
        "class Odd(types.ModuleType):\n"
        "    def answer(self): return 42\n"
        "sys.modules[__name__].__class__ = Odd\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    odd = import_module("odd_module")

    def answer() -> object:
        return odd.answer()

    with Group([Call.plain(answer)], deadline_s=120, by_value=sys.modules[__name__]) as group:
        assert group.run() == [42]


def test_ticks_come_while_the_workers_run(tmp_path: Path) -> None:
    path = tmp_path / "third"
    ticks: list[int] = []

    def run_until_the_third() -> None:
        while not path.exists():
            sleep(0.01)

    def tick() -> None:
        ticks.append(len(ticks))
        if len(ticks) == 3:
            path.touch()

    with Group([Call.plain(run_until_the_third)], deadline_s=120, by_value=sys.modules[__name__]) as group:
        group.run(on_tick=tick)
    assert len(ticks) >= 3
