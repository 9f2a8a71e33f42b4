"""Short forms of what a large storm must stand; `tests/benchmarks/scale.py` has the long ones."""

from __future__ import annotations

import sqlite3
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from pytest_sessionreg import WriteQueue
from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm, Workers
from pytest_sessionreg.results import samples as samples_module
from pytest_sessionreg.results.ledger import HEADER
from pytest_sessionreg.results.samples import Samples
from pytest_sessionreg.storm.analysis import Observations, analyse_storm
from pytest_sessionreg.storm.descriptors import raise_descriptor_limit
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm_writes import CREATE_TABLE, rows
from pytest_sessionreg.storm.verification import check_integrity, verify_writes


@pytest.mark.slow
def test_more_workers_than_processors_can_run(storm: Storm) -> None:
    run = storm(policy=WriteQueue(patience=60), workers=96, writes=3, hold_ms=0, think_ms=5)
    assert (run.counts.acknowledged, run.lost, run.counts.exhausted) == (288, 0, 0)


@pytest.mark.parametrize(("hard", "words"), [(4096, None), (40, "raise `ulimit -Hn`")])
def test_a_low_limit_of_open_files_is_raised_for_the_storm_where_it_may_be(
    workers: Workers, hard: int, words: str | None
) -> None:
    """In a process of its own: a hard limit never comes back."""

    def limited() -> tuple[int, int] | str:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (24, hard))
        try:
            with raise_descriptor_limit(100):
                (inside, _) = resource.getrlimit(resource.RLIMIT_NOFILE)
        except StormError as error:
            return str(error)
        return inside, resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    (found,) = workers.run(limited, 1)
    if words is not None:
        assert words in found
    else:
        assert found[0] > 200
        assert found[1] == 24


def test_the_memory_of_an_analysis_grows_with_the_writes_and_not_with_the_workers(tmp_path: Path) -> None:
    few, many = _peak(tmp_path / "few", workers=4, writes=5000), _peak(tmp_path / "many", workers=400, writes=50)
    assert many < 1.3 * few
    assert max(few, many) < 500 * 20_000, "bytes: a million writes must fit into 500 MB"


def _peak(directory: Path, *, workers: int, writes: int) -> int:
    """Bytes allocated at most while a made-up storm is read, examined and analysed."""
    directory.mkdir()
    paths = []
    for worker in range(workers):
        records = np.zeros(writes, dtype=samples_module._DTYPE)
        records["hold_ns"] = 1000
        records["late_ns"] = -1
        records["started_ns"] = np.arange(writes) * 10_000
        records["sequence"] = np.arange(writes)
        records["outcome"] = 1
        path = directory / f"{worker}.ledger"
        path.write_bytes(bytes(HEADER.size) + records.tobytes())
        paths.append(str(path))
    database = str(directory / "x.db")
    connection = sqlite3.connect(database)
    connection.execute(CREATE_TABLE)
    keys = ((worker, sequence) for worker in range(workers) for sequence in range(writes))
    connection.executemany("INSERT INTO storm_writes VALUES ('s', ?, ?)", keys)
    connection.commit()
    connection.close()
    tracemalloc.start()
    samples = Samples.read(paths, opened_ns=0)
    evidence = verify_writes(rows(database, "s"), samples, check_integrity(database))
    run = analyse_storm(Plan.of("heartbeat", workers=workers), samples, Observations(evidence))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (run.counts.attempted, run.lost) == (workers * writes, 0)
    return peak
