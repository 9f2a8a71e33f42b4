from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from rich.console import Console

from pytest_sessionreg import RetryBudget, WriteQueue
from pytest_sessionreg._harness.faults.experiment import faults
from pytest_sessionreg._harness.faults.fault import Fault
from pytest_sessionreg._harness.faults.fault_run import run_fault
from pytest_sessionreg._harness.faults.isolation import (
    IsolationRefused,
    drop_privileges,
    enter_mounts,
    mount_tmpfs,
    own_mounts,
    shift_monotonic,
)
from pytest_sessionreg._harness.faults.menu import FAULT_NAMES, MENU, fault_named
from pytest_sessionreg._harness.faults.menu.controls import NoTimeout
from pytest_sessionreg._harness.faults.nemesis import Nemesis
from pytest_sessionreg._harness.faults.result import PLAIN, FaultRow, FaultRun, FaultsResult
from pytest_sessionreg._harness.faults.rig import Rig
from pytest_sessionreg._harness.faults.seen import Seen
from pytest_sessionreg._harness.faults.table import fault_legend, faults_table, finding, wrong
from pytest_sessionreg._harness.faults.writer import MakeWriter, PlainWriter, RegistryWriter
from pytest_sessionreg.errors import ResultError
from pytest_sessionreg.processes import Call, Group, WorkerFailed
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.samples import read_counters

_SURVIVED = [fault.name for fault in MENU if not fault.control and fault.name != "stop-holder"]  # has a test of its own
_CONTROLS = [fault.name for fault in MENU if fault.control]
_QUICK = ("kill-inside", "no-timeout")


def _named(names: list[str]) -> list[object]:
    """Each as a parameter; most are slow, because a fault lasts as long as it must."""
    return [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@cache
def _row(name: str) -> FaultRow:
    """Each fault is injected once, under the queue, by the first test that looks at it."""
    (row,) = faults(names=[name], policies=["queue"], rounds=1).rows()
    return row


@pytest.fixture(scope="module")
def menu_result() -> FaultsResult:
    return faults(names=["kill-inside", "deferred-begin"], policies=["queue"], rounds=1)


def _missing(row: FaultRow) -> None:
    if row.skipped:
        pytest.skip(row.skipped)


def test_every_fault_is_described() -> None:
    assert len({fault.name for fault in MENU}) == len(MENU)
    assert all(fault.summary for fault in MENU)


@pytest.mark.parametrize("name", _named(_SURVIVED))
def test_a_fault_that_sqlite_survives_costs_no_acknowledged_write(name: str) -> None:
    row = _row(name)
    _missing(row)
    assert row.broken == ""
    assert not row.wrong
    assert row.acknowledged > 0
    assert (row.unrecovered, row.duplicated, row.ghosts, row.damaged) == (0, 0, 0, 0)
    if not row.may_lose:
        assert row.lost == 0


@pytest.mark.parametrize("name", _named(_CONTROLS))
def test_every_negative_control_comes_out_red(name: str) -> None:
    row = _row(name)
    assert row.red == row.rounds == 1
    assert not row.blind


@pytest.mark.slow
def test_the_ledger_sees_what_the_integrity_check_does_not() -> None:
    assert _row("stray-close-plain").lost > 0
    assert _row("stray-close-plain").damaged == 0
    assert _row("wal-deleted").lost > 0


@pytest.mark.slow
def test_callers_see_each_fault_by_its_code() -> None:
    _missing(_row("disk-full"))
    assert {(seen.kind, seen.code) for seen in _row("disk-full").seen} == {("DiskFull", 13)}
    assert {seen.kind for seen in _row("read-only-directory").seen} <= {"DatabaseReadOnly", "CannotOpen"}
    assert _row("read-only-directory").failed > 0
    assert {seen.code for seen in _row("deferred-begin").seen} <= {5, 517}
    assert {(seen.code or 0) & 0xFF for seen in _row("no-timeout").seen} == {5}, "261, too: a busy recovery"
    assert {seen.kind for seen in _row("two-versions").seen_elsewhere} == {"SchemaTooNew"}
    assert _row("fork").seen_elsewhere == (Seen("WrongOwner", None, 2),)


@pytest.mark.slow
def test_a_budget_gives_up_behind_a_stopped_holder_and_the_queue_does_not() -> None:
    result = faults(names=["stop-holder"], policies=["budget", "queue"], rounds=1)
    budget, queue = result.rows()
    assert [(seen.kind, seen.code) for seen in budget.seen] == [("WriteTimeout", 5)]
    assert (queue.failed, queue.lost, budget.lost) == (0, 0, 0)
    assert (queue.longest_wait_ms or 0) > 2000
    assert "Writes given up: budget" in finding(result)


def test_only_the_queue_has_a_sidecar_to_lose() -> None:
    run = run_fault(fault_named("sidecar-unlinked"), RetryBudget(), number=0, seed=1)
    assert run.skipped == "no sidecar"
    assert run.attempted == 0


@pytest.mark.slow
def test_a_control_that_stays_green_means_that_the_harness_is_blind(menu_result: FaultsResult) -> None:
    class Patient(NoTimeout):
        def writer(self, policy: AdmissionPolicy) -> MakeWriter:
            del policy
            return partial(PlainWriter, timeout_s=5)

    run = run_fault(Patient(), None, number=0, seed=1)
    assert (run.policy, run.failed, run.red) == (PLAIN, 0, False)
    result = replace(menu_result, runs=(run,))
    assert "the harness is blind" in wrong(result)[0]
    assert "Controls that stayed green: no-timeout" in finding(result)


@pytest.mark.slow
def test_a_lost_write_that_nothing_excuses_is_wrong(menu_result: FaultsResult) -> None:
    class Forgetful(Fault):
        """Deletes a row that was acknowledged, behind everybody's back."""

        name = "kill-after"
        summary = "planted"
        writers = 1

        def inject(self, nemesis: Nemesis) -> None:
            import sqlite3

            nemesis.begin()
            connection = sqlite3.connect(nemesis.setup.database, timeout=5)
            connection.execute("DELETE FROM storm_writes WHERE sequence = 0")
            connection.commit()
            connection.close()
            nemesis.end()

    run = run_fault(Forgetful(), WriteQueue(), number=0, seed=1)
    assert (run.lost, run.integrity) == (1, "ok")
    assert "LOST 1" in wrong(replace(menu_result, runs=(run,)))[0]


def test_a_fault_that_cannot_be_provoked_is_told_and_the_writers_stop(menu_result: FaultsResult) -> None:
    class Clumsy(Fault):
        name = "vacuum"
        summary = "planted"

        def inject(self, nemesis: Nemesis) -> None:
            raise RuntimeError(f"cannot, beside {nemesis.setup.writers} writers")

    run = run_fault(Clumsy(), WriteQueue(), number=0, seed=1)
    assert run.broken == "RuntimeError: cannot, beside 4 writers"
    assert run.lost == 0
    assert "could not be injected" in wrong(replace(menu_result, runs=(run,)))[0]


def test_where_mounting_is_refused_the_disk_is_skipped_with_its_reason() -> None:
    class Unmountable(Fault):
        name = "disk-full"
        summary = "planted"
        disk_kib = -1

    run = run_fault(Unmountable(), WriteQueue(), number=0, seed=1)
    assert "mounting is not permitted here" in run.skipped
    assert (run.attempted, run.red) == (0, False)


def test_a_private_disk_is_seen_by_those_who_enter_it_only(tmp_path: Path) -> None:
    def owner() -> Callable[[], None]:
        own_mounts()
        mount_tmpfs(str(tmp_path), 1024)
        (tmp_path / "file").write_text("here")
        return lambda: sleep(0)

    def visitor(pid: int) -> list[str]:
        enter_mounts(pid)
        return os.listdir(tmp_path)

    with Group([Call(owner)], deadline_s=120) as group:
        try:
            group.wait_until_ready()
        except WorkerFailed as error:
            if not error.failures[0].kind.endswith("IsolationRefused"):
                raise
            pytest.skip(error.failures[0].message)
        assert list(tmp_path.iterdir()) == []
        with Group([Call.plain(visitor, group.pids[0])], deadline_s=120) as visitors:
            assert visitors.run() == [["file"]]
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_without_privileges_a_read_only_directory_is_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    def attempt() -> str:
        drop_privileges()
        try:
            (tmp_path / "file").write_text("x")
        except PermissionError:
            return "refused"
        return "written"

    try:
        with Group([Call.plain(attempt)], deadline_s=120) as group:
            assert group.run() == ["refused"]
    finally:
        tmp_path.chmod(0o700)


def test_a_writer_that_reopens_keeps_its_ledger() -> None:
    with Rig(1, deadline_s=120) as rig:
        make = partial(RegistryWriter, policy=WriteQueue(), reopen_every=1)
        writer = rig.start_writer(0, make, think_s=0.001)
        rig.sleep(0.2)
        assert rig.finish([writer]) == [()]
        found = rig.verify()
        assert found.flawless
        assert found.acknowledged == read_counters(rig.setup.ledgers[:1])[0] > 1


def test_the_result_survives_json(menu_result: FaultsResult) -> None:
    text = menu_result.to_json()
    again = FaultsResult.from_json(text)
    assert again == menu_result
    assert again.to_json() == text
    with pytest.raises(ResultError, match="lacks or misnames"):
        FaultsResult.from_json(text.replace('"ghosts"', '"spirits"'))


def test_the_tables_fit_100_columns(menu_result: FaultsResult, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(width=100)
    every = replace(
        menu_result, runs=tuple(replace(run, fault=name) for name in FAULT_NAMES for run in menu_result.runs)
    )
    console.print(faults_table(every))
    console.print(fault_legend(every))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert not any("…" in line for line in lines)


def test_rounds_are_summed_and_a_single_bad_one_shows(menu_result: FaultsResult) -> None:
    good: FaultRun = next(run for run in menu_result.runs if run.fault == "kill-inside")
    bad = replace(good, lost=2, recover_ms=None, seen=(Seen("DiskFull", 13, 4),), failed=4)
    (row,) = replace(menu_result, runs=(good, bad, good)).rows()
    assert (row.rounds, row.lost, row.rounds_lost, row.unrecovered, row.failed) == (3, 2, 1, 1, 4)
    assert row.recover_ms == good.recover_ms
    assert row.wrong


@pytest.mark.slow
def test_an_interrupted_menu_keeps_the_runs_it_has() -> None:
    finished = [0.0]

    def check() -> None:
        if finished[-1] >= 1:
            raise KeyboardInterrupt

    result = faults(
        names=["kill-after", "kill-inside"],
        policies=["queue"],
        rounds=50,
        on_step=lambda _now, done, _total: finished.append(done),
        check=check,
    )
    assert result.envelope.partial == "interrupted"
    assert len(result.runs) == 1


def test_a_target_process_that_fails_is_told_by_the_last_line_of_its_traceback() -> None:
    def fail() -> None:
        raise KeyError("no such page")

    class Failing(Fault):
        name = "vacuum"
        summary = "planted"
        writers = 1

        def inject(self, nemesis: Nemesis) -> None:
            nemesis.run(fail)

    assert run_fault(Failing(), WriteQueue(), number=0, seed=1).broken == "KeyError: 'no such page'"


def test_the_caption_has_a_line_for_each_column_it_explains() -> None:
    result = FaultsResult.from_json((Path(__file__).parents[3] / "reports/faults/faults.json").read_text("utf-8"))
    captions = str(faults_table(result).caption).splitlines()
    assert [line.partition(":")[0] for line in captions] == ["callers saw", "lost", "recovered", "longest wait"]
    assert max(map(len, captions)) <= 80, "the width of a table of one fault"


def test_stored_results_of_the_menu_are_read_as_before() -> None:
    text = (Path(__file__).parents[3] / "reports/faults/faults.json").read_text(encoding="utf-8")
    result = FaultsResult.from_json(text)
    assert len(result.runs) == 189
    assert result.to_json() == text


def test_a_shifted_monotonic_clock_is_one_process_s_own() -> None:
    def ahead(shift_s: int) -> Callable[[], float]:
        shift_monotonic(shift_s)
        return monotonic

    with Rig(0, deadline_s=120) as rig:
        try:
            shifted_s = rig.start(ahead, 1000).result()
        except IsolationRefused as refused:
            pytest.skip(str(refused))
        assert shifted_s > monotonic() + 500
        assert rig.run(monotonic) < shifted_s


def test_a_rig_leaves_no_process_and_no_file_behind() -> None:
    with Rig(1, deadline_s=120) as rig:
        scratch = rig.setup.scratch
        writer = rig.start_writer(0, PlainWriter)
        idle = rig.start(lambda: lambda: sleep(600))
    assert not os.path.exists(scratch)
    assert not psutil.pid_exists(writer.pid)
    assert not psutil.pid_exists(idle.pid)
