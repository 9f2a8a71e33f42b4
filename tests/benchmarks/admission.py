"""The write queue at its loads, against the other policies and the ideal.

    python tests/benchmarks/admission.py [--rounds 5] [--only NAME] [--all] [--out DIRECTORY]

Every load of the table is stormed in each round, under the queue and, where it is compared with them (or with --all),
under every other policy, in another order every time; figures are medians over the rounds, with the least and the
greatest beside them. What is asked of the queue stands above each table. With --out the tables are written there as
well, as Markdown, with every round as JSON.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep

import numpy as np

from pytest_sessionreg import Registry, WriteQueue
from pytest_sessionreg.processes import Call, Group
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.registry.sqlite.database import Database
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.results.result import StormRun
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

Figures = dict[str, float | None]
# The cost of waiting: so many writers, of whose writes the first are not counted.
_WAITERS = 256
_FIRST_WRITES = 2
_WRITES = 8
# One holds the lock until all the others are in line, and then for so long that what they cost meanwhile shows.
_JOINING_S = 2.0
_STANDING_S = 5.0


@dataclass(frozen=True, slots=True)
class Load:
    """One row: how many writers, what they do, and what is asked of the queue there."""

    name: str
    workers: int
    writes: int | None
    hold_ms: float
    think_ms: float
    bars: str
    duration_s: float | None = None
    compared: bool = False


LOADS = (
    Load("16 writers, 2 ms hold, 100 ms think", 16, 720, 2, 100, "p99 <= 1.10, p99.9 <= 1.25"),
    Load("64 writers, 2 ms hold, 200 ms think", 64, 150, 2, 200, "p99 <= 1.10"),
    Load("64 writers, 2 ms hold, no think", 64, 40, 2, 0, "p99 <= 1.10, p50 within 10 %, fairness >= 0.99"),
    Load("256 writers, 5 ms hold, no think", 256, 12, 5, 0, "p99 <= 1.06, 0 exhausted"),
    Load(
        "32 writers, no hold, no think",
        32,
        None,
        0,
        0,
        "writes/s >= 0.85 of the best other's, p99.9 and max below every other's, slowest >= 0.95",
        duration_s=12,
        compared=True,
    ),
)
COLUMNS = (
    "p50 /ideal",
    "p99 /ideal",
    "p99.9 /ideal",
    "p99.9 ms",
    "max ms",
    "writes/s",
    "slowest",
    "fairness",
    "gave up",
)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="part of the name of the one load to run")
    parser.add_argument("--all", action="store_true", help="every policy at every load")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        lines = [Environment.of(os.path.join(directory, "storm.db")).line(), ""]
    rounds: dict[str, dict[str, list[Figures]]] = {}
    for load in LOADS:
        if arguments.only is None or arguments.only in load.name:
            policies = POLICY_NAMES if load.compared or arguments.all else ("queue",)
            rounds[load.name] = _storms(load, policies, arguments.rounds)
            lines += _table(load, rounds[load.name])
    if arguments.only is None:
        lines += _waiting_cost(arguments.rounds) + _lone_writer()
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "admission.md").write_text(text)
        (arguments.out / "admission.json").write_text(json.dumps(rounds, indent=1) + "\n")


def _storms(load: Load, policies: tuple[str, ...], rounds: int) -> dict[str, list[Figures]]:
    figures: dict[str, list[Figures]] = {name: [] for name in policies}
    for number in range(rounds):
        for name in random.Random(number).sample(policies, len(policies)):
            figures[name].append(_figures(_storm(load, policy_named(name), seed=number)))
    return figures


def _storm(load: Load, policy: AdmissionPolicy, *, seed: int) -> StormRun:
    return run_storm(
        Plan(
            policy,
            workers=load.workers,
            writes=load.writes,
            duration_s=load.duration_s,
            hold_ms=load.hold_ms,
            think_ms=load.think_ms,
            seed=seed,
        )
    )


def _figures(run: StormRun) -> Figures:
    written = np.bincount(run.samples.worker[run.samples.committed], minlength=run.workers)
    values = (
        run.slowdown.p50,
        run.slowdown.p99,
        run.slowdown.p999,
        run.latency_ms.p999,
        run.latency_ms.max,
        run.throughput_per_s,
        float(written.min() / written.mean()),
        run.fairness,
        float(run.counts.exhausted + run.counts.failed + (run.lost or 0)),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _table(load: Load, figures: dict[str, list[Figures]]) -> list[str]:
    lines = [f"### {load.name}", "", f"Asked of the queue: {load.bars}.", ""]
    lines += ["| policy | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, each in figures.items():
        cells = [_cell([figure[column] for figure in each]) for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return "-"
    return f"{_short(median(known))} ({_short(min(known))}-{_short(max(known))})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def _waiting_cost(rounds: int) -> list[str]:
    """The processor time of 256 writers in line, while nobody moves and in a storm.

    In line behind somebody who holds for seconds they do nothing but wait. In a storm each admission costs as well: two
    wake-ups of a process that slept, and its BEGIN.
    """
    standing, moving = [], []
    for _ in range(rounds):
        standing.append(_standing_share() * 100)
        moving.append(_moving_share() * 100)
    waiting, admissions = (", ".join(f"{share:.2f}" for share in sorted(shares)) for shares in (standing, moving))
    many = f"{_WAITERS} writers"
    return [
        f"{many} in line behind one who holds on: processor time, % of one core: {waiting} (bar: median <= 2)",
        "",
        f"{many}, 5 ms hold, no think: processor time from asking to BEGIN's success, % of one core: {admissions}",
        "",
    ]


def _standing_share() -> float:
    """Processor time of all who wait over the time they are watched; each process has waited and written before."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sessions.db")
        Registry.open(path).close()
        calls = [Call(_holder, (path,)), *(Call(_standing_writer, (path, worker)) for worker in range(_WAITERS))]
        with Group(calls, deadline_s=120) as group:
            group.wait_until_ready()
            waiting = group.pids[1:]
            group.release()
            sleep(2 * _JOINING_S)
            before_s = sum(map(_spent_s, waiting))
            sleep(_STANDING_S)
            spent_s: float = sum(map(_spent_s, waiting)) - before_s
            group.results()
    return spent_s / _STANDING_S


def _spent_s(pid: int) -> float:
    """Processor time of all threads of a process, from the kernel's accounts in nanoseconds."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def _holder(path: str) -> Callable[[], None]:
    registry = Registry.open(path, policy=WriteQueue(patience=60))

    def run() -> None:
        for hold_s in (_JOINING_S, _JOINING_S + _STANDING_S):
            with registry.transaction():
                sleep(hold_s)
        registry.close()

    return run


def _standing_writer(path: str, worker: int) -> Callable[[], None]:
    registry = Registry.open(path, policy=WriteQueue(patience=60))
    registry.sessions.register(f"session-{worker}")

    def run() -> None:
        sleep(_JOINING_S / 2)  # the holder first, twice
        for _ in range(2):  # the first wait of a process loads what waiting needs
            registry.sessions.heartbeat(f"session-{worker}")
        registry.close()

    return run


def _moving_share() -> float:
    """Processor time of all admissions over the time of the storm, without each process's first writes."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sessions.db")
        Registry.open(path).close()
        calls = [Call(_moving_writer, (path, worker)) for worker in range(_WAITERS)]
        with Group(calls, deadline_s=120) as group:
            group.wait_until_ready()
            started = perf_counter()
            group.release()
            spent_s: float = sum(group.results())
            elapsed_s = perf_counter() - started
    return spent_s / (elapsed_s * _WRITES / (_WRITES + _FIRST_WRITES))


def _moving_writer(path: str, worker: int) -> Callable[[], float]:
    registry = Registry.open(path, policy=WriteQueue(patience=60))
    registry.sessions.register(f"session-{worker}")

    def run() -> float:
        spent_s = 0.0
        for number in range(_FIRST_WRITES + _WRITES):
            before = process_time()
            with registry.transaction():
                if number >= _FIRST_WRITES:
                    spent_s += process_time() - before
                registry.sessions.heartbeat(f"session-{worker}")
                sleep(0.005)
        registry.close()
        return spent_s

    return run


def _lone_writer() -> list[str]:
    """What the queue adds to a lone writer's BEGIN IMMEDIATE and ROLLBACK by hand.

    Once where it comes straight back, and once without slices: then each write is like the first after a pause.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sessions.db")
        Registry.open(path).close()
        by_hand = sqlite3.connect(path, isolation_level=None)
        databases = [Database(path, policy=policy, observer=None) for policy in (WriteQueue(), WriteQueue(slice=0))]

        def plain() -> None:
            by_hand.execute("BEGIN IMMEDIATE")
            by_hand.execute("ROLLBACK")

        rounds = [[_each_us(action) for action in (plain, *map(_queued, databases))] for _ in range(31)]
        by_hand.close()
        for database in databases:
            database.close()
    lines = []
    for number, when in ((1, "coming straight back"), (2, "strictly in turn, as after a pause")):
        costs = sorted(each[number] - each[0] for each in rounds)
        quartiles = f"quartiles {costs[7]:.2f} and {costs[-8]:.2f}"
        lines += [f"1 writer, {when}: {median(costs):.2f} us over BEGIN IMMEDIATE by hand, {quartiles} (bar: 6)", ""]
    return lines[:-1]


def _queued(database: Database) -> Callable[[], None]:
    """One write transaction through the queue, without what the registry does besides."""
    admission, execute, begin = database._admission, database._execute, database._try_begin

    def write() -> None:
        admission.admit(begin)
        execute("ROLLBACK")
        admission.leave()

    return write


def _each_us(action: Callable[[], None]) -> float:
    started = perf_counter()
    for _ in range(2000):
        action()
    return (perf_counter() - started) / 2000 * 1e6


if __name__ == "__main__":
    if os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:  # glibc's heap trimming doubles micro-timings at random
        import sys

        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "MALLOC_TRIM_THRESHOLD_": "1000000000"})  # noqa: S606
    main()
