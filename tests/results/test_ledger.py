from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pytest_sessionreg import WriteRecord
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.processes import WorkerDied
from pytest_sessionreg.results import samples as samples_module
from pytest_sessionreg.results.ledger import RECORD, Ledger
from pytest_sessionreg.results.samples import Samples, read_counters


def _record(number: int, outcome: str = "committed", busy: int | None = 0) -> WriteRecord:
    return WriteRecord(
        started_ns=1_000_000 * number,
        wait_ns=2_000,
        hold_ns=3_000,
        busy=busy,
        retries=busy,
        outcome=outcome,
        code=None if outcome == "committed" else 5,
        phase=None if outcome == "committed" else "begin",
    )


def test_the_two_layouts_are_one() -> None:
    assert samples_module._DTYPE.itemsize == RECORD.size


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = str(tmp_path / "a.ledger")
    with Ledger(path) as ledger:
        for number in range(10_000):
            ledger.sequence = number
            ledger(_record(number, "exhausted" if number % 10 == 9 else "committed", busy=number % 3))
    samples = Samples.read([path], opened_ns=0)
    assert len(samples) == 10_000, "more than one chunk"
    assert samples.sequence.tolist() == list(range(10_000))
    assert samples.started_us.tolist() == list(range(0, 10_000_000, 1000))
    assert set(samples.wait_us.tolist()) == {2}
    assert set(samples.latency_us.tolist()) == {5}
    assert int(samples.committed.sum()) == 9_000
    busy = sum(number % 3 for number in range(10_000))
    assert read_counters([path]) == (10_000, busy, busy + 9_000)


def test_busy_that_sqlite_hides_is_told_from_none(tmp_path: Path) -> None:
    path = str(tmp_path / "a.ledger")
    with Ledger(path) as ledger:
        ledger(_record(1, busy=None))
    assert Samples.read([path], opened_ns=0).busy.tolist() == [-1]


def test_workers_are_told_apart_and_one_without_a_ledger_is_no_error(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{worker}.ledger") for worker in range(3)]
    for worker in (0, 2):
        with Ledger(paths[worker]) as ledger:
            ledger(_record(worker))
    samples = Samples.read(paths, opened_ns=0)
    assert samples.worker.tolist() == [0, 2]
    assert [samples.worker[part].tolist() for part in samples.by_worker()] == [[0], [2]]
    assert len(Samples.read([str(tmp_path / "none")], opened_ns=0)) == 0


def test_a_killed_workers_records_survive_it(tmp_path: Path, workers: Workers) -> None:
    path = str(tmp_path / "a.ledger")

    def write_and_die() -> None:
        ledger = Ledger(path)
        for number in range(123):
            ledger(_record(number))
        os.kill(os.getpid(), 9)

    with pytest.raises(WorkerDied):
        workers.run(write_and_die, 1)
    assert len(Samples.read([path], opened_ns=0)) == 123


def test_a_record_cut_off_by_a_kill_is_not_counted(tmp_path: Path) -> None:
    path = str(tmp_path / "a.ledger")
    with Ledger(path) as ledger:
        for number in range(3):
            ledger(_record(number))
    data = bytearray(Path(path).read_bytes())
    data[64 + 2 * RECORD.size + RECORD.size - 1] = 0
    Path(path).write_bytes(data)
    assert np.array_equal(Samples.read([path], opened_ns=0).started_us, [0, 1000])


def test_a_full_disk_is_an_error_and_not_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_space)
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StormError, match="No space left on device"):
        Ledger(str(tmp_path / "a.ledger"))
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_disk_that_fills_up_later_keeps_the_records_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: int) -> None:
        raise OSError(28, "No space left on device")

    path = str(tmp_path / "a.ledger")
    with Ledger(path) as ledger, pytest.raises(StormError, match="make room in TMPDIR"):
        ledger(_record(0))
        monkeypatch.setattr(os, "posix_fallocate", no_space)
        for number in range(1, 100_000):
            ledger(_record(number))
    samples = Samples.read([path], opened_ns=0)
    assert len(samples) == number
    assert samples.started_us.tolist() == [1000 * one for one in range(number)]


def test_what_the_observer_is_not_told_is_recorded_for_one_write_only(tmp_path: Path) -> None:
    path = str(tmp_path / "a.ledger")
    with Ledger(path) as ledger:
        ledger.due_ns, ledger.before_ns, ledger.after_ns = 400_000, 100_000, 50_000
        ledger(_record(1))
        ledger.due_ns = 5_000_000
        ledger(_record(2))
        ledger.due_ns = 0
        ledger(_record(3))
    samples = Samples.read([path], opened_ns=0)
    assert samples.late_us.tolist() == [500, 0, -1], "since due; never early; no schedule"
    assert samples.before_us.tolist() == [100, 0, 0]
    assert samples.after_us.tolist() == [50, 0, 0]
