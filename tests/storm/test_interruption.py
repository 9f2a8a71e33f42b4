from __future__ import annotations

import os
import signal
import sqlite3
import threading
from pathlib import Path

import psutil
import pytest

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.storm.interruption import StormInterrupted
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import Progress, run_storm


def test_a_killed_worker_is_named_and_everything_else_is_kept(storm: Storm) -> None:
    def write(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
        if (worker, sequence) == (1, 2):
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(StormInterrupted, match=r"1 of 3 workers died .* worker 1 \(killed by signal 9\)") as caught:
        storm(write, workers=3, writes=6, think_ms=1)
    run = caught.value.run
    assert run.partial == str(caught.value)
    assert run.counts.attempted == 6 + 2 + 6, "the write that was cut off was never acknowledged"
    assert (run.lost, run.counts.duplicated, run.integrity) == (0, 0, "ok")


@pytest.mark.slow
@pytest.mark.parametrize("workload", ["heartbeat", "hook"])
def test_an_interrupt_keeps_what_was_measured_and_leaves_nobody(workload: str) -> None:
    seen: set[psutil.Process] = set()
    before = psutil.Process().children(recursive=True)  # of other tests in this process

    def interrupt(progress: Progress) -> None:
        if progress.done > 5 and not seen:
            seen.update(set(psutil.Process().children(recursive=True)).difference(before))
            signal.raise_signal(signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(StormInterrupted, match="interrupted") as caught:
        run_storm(
            Plan(WriteQueue(), workers=3, writes=None, duration_s=600, hold_ms=1, think_ms=1, workload=workload),
            interrupt,
        )
    assert isinstance(caught.value.__cause__, KeyboardInterrupt)
    run = caught.value.run
    assert run.partial == "interrupted"
    assert run.counts.acknowledged > 5
    assert run.lost == 0
    assert seen
    _, alive = psutil.wait_procs(seen, timeout=120)  # a hook is killed with its worker, and reaped by init
    assert not alive


@pytest.mark.slow
def test_an_interrupted_test_is_interrupted(storm: Storm) -> None:
    """The fixture must not turn Ctrl-C into a failed test."""
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            storm(workers=2, duration_s=600, hold_ms=0, think_ms=1)
    finally:
        timer.cancel()
        timer.join()


def test_a_storm_that_cannot_begin_is_no_partial_one(storm: Storm, tmp_path: Path) -> None:
    def connect(path: str) -> sqlite3.Connection:
        raise ValueError(f"no connection to {os.path.basename(path)}")

    def write(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
        connection.execute("SELECT ?, ?", (worker, sequence))

    with pytest.raises(Exception, match=r"no connection to x\.db") as caught:
        storm(write, connect=connect, workers=2, writes=1, database=tmp_path / "x.db")
    assert not isinstance(caught.value, StormInterrupted)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk_ends_the_storm_and_keeps_what_was_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=512k none {disk} 2>/dev/null"):  # noqa: S605  a fixed command
        pytest.skip("this sandbox lets nobody mount")
    try:
        with pytest.raises(StormInterrupted, match="free some space") as caught:
            run_storm(
                Plan.of("audit", workers=4, writes=500, hold_ms=0, think_ms=0, database=str(disk / "x.db")),
            )
        run = caught.value.run
        assert "\n" not in str(run.partial)
        assert run.counts.acknowledged > 0
        assert run.lost == 0
    finally:
        os.system(f"umount {disk}")  # noqa: S605  a fixed command
