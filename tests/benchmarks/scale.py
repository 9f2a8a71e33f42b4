"""What a large storm takes: time until all workers stand at the barrier, memory of all processes, and of the analysis.

    python tests/benchmarks/scale.py [gate] [memory] [million]

Bars: 256 workers at the barrier within 3 s; 1,024 workers under 8 GiB; a million writes reduced to a result within 5 s
and 500 MB.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
import tempfile
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import numpy as np
import psutil

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.processes import Group
from pytest_sessionreg.results import samples as samples_module
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.ledger import HEADER
from pytest_sessionreg.results.result import StormResult
from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm.analysis import Observations, analyse_storm
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm
from pytest_sessionreg.storm.storm_writes import CREATE_TABLE, rows
from pytest_sessionreg.storm.verification import check_integrity, verify_writes

_WORKERS, _WRITES = 100, 10_000


def main() -> None:
    print(Environment.of(os.path.join(tempfile.gettempdir(), "x.db")).line())
    wanted = sys.argv[1:] or ["gate", "memory", "million"]
    if "gate" in wanted:
        gate()
    if "memory" in wanted:
        memory()
    if "million" in wanted:
        million()


def gate() -> None:
    took: list[float] = []
    wait = Group.wait_until_ready

    def timed(group: Group) -> None:
        wait(group)
        took.append(monotonic() - started)

    Group.wait_until_ready = timed  # type: ignore[method-assign,assignment]
    try:
        for _ in range(3):
            started = monotonic()
            run_storm(Plan(WriteQueue(), workers=256, writes=1, hold_ms=0, think_ms=0))
    finally:
        Group.wait_until_ready = wait  # type: ignore[method-assign]
    print(f"gate      256 workers ready after {min(took):.2f} to {max(took):.2f} s, set-up included (bar: 3 s)")


def memory() -> None:
    over, peak = Event(), 0

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.5):
            family = [psutil.Process(), *psutil.Process().children(recursive=True)]
            peak = max(peak, sum(_own_bytes(process) for process in family))

    watcher = Thread(target=watch)
    watcher.start()
    started = monotonic()
    try:
        run = run_storm(Plan(WriteQueue(patience=60), workers=1024, writes=5, hold_ms=0, think_ms=50))
    finally:
        over.set()
        watcher.join()
    print(
        f"memory    1,024 workers, {run.counts.acknowledged} writes, lost {run.lost}: {peak / 2**30:.2f} GiB in all "
        f"processes (bar: 8), {monotonic() - started:.1f} s"
    )


def _own_bytes(process: psutil.Process) -> int:
    """Its proportional share of what it maps: pages shared by all workers count once."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def million() -> None:
    with tempfile.TemporaryDirectory() as directory:
        ledgers, database = _made_up(Path(directory))
        before_mb = _peak_mb()
        started = monotonic()
        samples = Samples.read(ledgers, opened_ns=0)
        read = monotonic()
        evidence = verify_writes(rows(database, "s"), samples, check_integrity(database))
        examined = monotonic()
        run = analyse_storm(Plan.of("heartbeat", workers=_WORKERS, writes=_WRITES), samples, Observations(evidence))
        done = monotonic()
        peak_mb = _peak_mb()
        text = StormResult(Environment.of(database), "scale", (run,)).to_json()
        written = monotonic()
    print(
        f"million   {run.counts.attempted:,} writes reduced in {done - started:.2f} s (read {read - started:.2f}, "
        f"database {examined - read:.2f}, "
        f"analysis {done - examined:.2f}), {peak_mb} MB at most, {before_mb} before (bars: 5 s, "
        f"500 MB); as JSON {len(text) / 1e6:.0f} MB in {written - done:.2f} s, {_peak_mb()} MB at most"
    )


def _made_up(directory: Path) -> tuple[list[str], str]:
    generator = np.random.default_rng(1)
    ledgers = []
    for worker in range(_WORKERS):
        records = np.zeros(_WRITES, dtype=samples_module._DTYPE)
        records["wait_ns"] = generator.integers(1000, 5_000_000, _WRITES)
        records["hold_ns"] = 2_000_000
        records["late_ns"] = -1
        pauses = generator.integers(0, 10**8, _WRITES)
        records["started_ns"] = np.cumsum(records["wait_ns"] + records["hold_ns"] + pauses)
        records["sequence"] = np.arange(_WRITES)
        records["outcome"] = 1
        path = directory / f"{worker}.ledger"
        path.write_bytes(bytes(HEADER.size) + records.tobytes())
        ledgers.append(str(path))
    database = str(directory / "x.db")
    connection = sqlite3.connect(database)
    connection.execute(CREATE_TABLE)
    keys = ((worker, sequence) for worker in range(_WORKERS) for sequence in range(_WRITES))
    connection.executemany("INSERT INTO storm_writes VALUES ('s', ?, ?)", keys)
    connection.commit()
    connection.close()
    return ledgers, database


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
