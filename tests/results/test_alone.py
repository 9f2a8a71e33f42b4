from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from time import sleep

import numpy as np
import pytest

from pytest_sessionreg.errors import StormError
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.results.alone import ideal_from_alone


def create(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (worker, sequence)")


def slow(path: str, worker: int, sequence: int) -> None:
    """Holds the lock for 4 ms, and waits for it with SQLite's busy handler."""
    with closing(sqlite3.connect(path, timeout=120, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?, ?)", (worker, sequence))
        sleep(0.004)
        connection.execute("COMMIT")


@pytest.mark.slow
def test_writers_that_queue_up_are_held_to_one_write_after_another(storm: Storm) -> None:
    alone = storm(slow, workers=1, writes=20, think_ms=0, prepare=create)
    run = storm(slow, workers=4, writes=20, think_ms=0, prepare=create)
    ideal, slowdown = ideal_from_alone(run, alone)
    assert ideal.p50 is not None
    assert alone.latency_ms.p50 is not None
    assert ideal.p50 > 3 * alone.latency_ms.p50, "three others are before each"
    assert ideal_from_alone(run, alone) == (ideal, slowdown), "the same ones are drawn again"
    assert slowdown.p50 is not None
    assert slowdown.p99 is None, "80 writes have no p99"


def test_a_lone_writer_is_its_own_ideal(storm: Storm) -> None:
    run = storm(slow, workers=1, writes=40, think_ms=1, prepare=create)
    five_ms = replace(run, samples=replace(run.samples, after_us=np.full(40, 5000)))
    ideal, slowdown = ideal_from_alone(run, five_ms)
    assert (ideal.p50, ideal.max) == (5, 5), "nobody else is before it"
    assert run.latency_ms.p50 is not None
    assert slowdown.p50 == pytest.approx(run.latency_ms.p50 / 5, rel=0.001)


@pytest.mark.slow
def test_what_is_no_storm_of_one_worker_is_refused(storm: Storm) -> None:
    def other(path: str, worker: int, sequence: int) -> None:
        slow(path, worker, sequence)

    run = storm(slow, workers=2, writes=2, think_ms=0, prepare=create)
    with pytest.raises(StormError, match="with 2 workers and 4 acknowledged writes; give one of"):
        ideal_from_alone(run, run)
    with pytest.raises(StormError, match="give one of"):
        ideal_from_alone(run, storm(other, workers=1, writes=2, think_ms=0, prepare=create))
    with pytest.raises(StormError, match=r"take run\.slowdown"):
        ideal_from_alone(storm(workers=2, writes=2), run)
