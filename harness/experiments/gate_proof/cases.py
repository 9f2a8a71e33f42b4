"""A store of notes, and the ways in which a commit can make it worse: what the gate has to notice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter_ns

from pytest_sessionreg import RetryBudget, WriteQueue
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.storm.defaults import GATE_HOLD_MS, GATE_THINK_MS, GATE_WORKERS, SEED
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.workloads.function import Function

__all__ = ["CASES", "Case", "notes_plan"]

# Enough for a scan of the table to cost what a transaction does.
_NOTES = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """One change of the store.

    name: in results.
    regressed: whether it is one that the gate has to notice.
    busy: busy loops that run beside the gate, not beside its baseline.
    runs: of a whole proof; tolerated: how many of them may end with the wrong verdict: REGRESSED where nothing
        regressed, anything else where something did.
    """

    name: str
    regressed: bool
    runs: int
    tolerated: int
    busy: int = 0
    write: Callable[[sqlite3.Connection, int, int], None] | None = None
    connect: Callable[[str], sqlite3.Connection] | None = None
    prepare: Callable[[str], None] | None = None
    policy: AdmissionPolicy | None = None


def notes_plan(case: Case | None = None, *, seed: int = SEED) -> Plan:
    """The storm on the store, as `case` changed it; by default as it was."""
    changed = case or CASES[0]
    workload = Function(
        changed.write or _write,
        "notes",
        connect=changed.connect or _connect,
        prepare_with=changed.prepare or _prepare,
    )
    return Plan.of(
        workload,
        policy=changed.policy or WriteQueue(),
        workers=GATE_WORKERS,
        hold_ms=GATE_HOLD_MS,
        think_ms=GATE_THINK_MS,
        seed=seed,
    )


def _prepare(path: str, *, journal: str = "WAL", index: bool = True) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, key TEXT NOT NULL, text TEXT, edits INTEGER)")
        if index:
            connection.execute("CREATE INDEX notes_by_key ON notes (key)")
        rows = ((f"key-{number}", "x" * 40) for number in range(_NOTES))
        connection.executemany("INSERT INTO notes (key, text, edits) VALUES (?, ?, 0)", rows)
        connection.execute("COMMIT")


def _prepare_without_wal(path: str) -> None:
    _prepare(path, journal="DELETE")


def _prepare_without_index(path: str) -> None:
    _prepare(path, index=False)


def _connect(path: str, *, synchronous: str = "NORMAL") -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    return connection


def _connect_with_full_sync(path: str) -> sqlite3.Connection:
    return _connect(path, synchronous="FULL")


def _write(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
    number = (worker * 7919 + sequence * 104_729) % _NOTES
    connection.execute("UPDATE notes SET edits = edits + 1 WHERE key = ?", (f"key-{number}",))


def _write_for_a_quarter_longer(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
    """By working, not by sleeping: a sleep so short takes far longer than it says."""
    _write(connection, worker, sequence)
    until = perf_counter_ns() + round(GATE_HOLD_MS * 0.25 * 1e6)
    while perf_counter_ns() < until:
        pass


CASES = (
    Case("unchanged", regressed=False, runs=100, tolerated=1),
    Case("unchanged, two busy loops", regressed=False, runs=100, tolerated=1, busy=2),
    Case("hold +25 %", regressed=True, runs=20, tolerated=1, write=_write_for_a_quarter_longer),
    Case("queue -> retry budget", regressed=True, runs=20, tolerated=0, policy=RetryBudget()),
    Case("index lost", regressed=True, runs=20, tolerated=0, prepare=_prepare_without_index),
    Case("synchronous=FULL", regressed=True, runs=20, tolerated=0, connect=_connect_with_full_sync),
    Case("WAL dropped", regressed=True, runs=20, tolerated=0, prepare=_prepare_without_wal),
)
