"""What one writer pays: trees of this project side by side, beside the same SQL by hand.

    python tests/benchmarks/costs.py NAME=TREE... [--rounds 15]

Each TREE is a checkout of some commit. In every round each step is measured once for every tree, in another order, in a
process of its own on one processor. A figure is the median over the rounds with the quartiles, and the ratio to the
first tree is the median of the ratios within a round.

Steps: `import` is a process that only imports, `start` one that opens a registry that exists and sends one heartbeat
(both whole processes, from fork to exit); `open`, `first heartbeat`, `heartbeat` (straight after one another), `cold
heartbeat` (after 20 ms of sleep) and `register` are measured inside a process. `by hand` is the UPDATE of a heartbeat
on a connection of its own, with the registry's settings, after `BEGIN IMMEDIATE` under SQLite's own busy timeout.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter_ns

from pytest_sessionreg.results.environment import Environment

_STEPS = ("import", "start", "open", "first heartbeat", "heartbeat", "cold heartbeat", "register")
_BY_HAND = "by hand"
_COMMON = """
import json, sys
from statistics import median
from time import perf_counter_ns, sleep
path = sys.argv[1]
def timed(call, times, pause):
    taken = []
    for _ in range(times):
        if pause:
            sleep(pause)
        started = perf_counter_ns()
        call()
        taken.append(perf_counter_ns() - started)
    return median(taken)
figures = {}
"""
_INSIDE = """
from pytest_sessionreg import Registry
import pytest_sessionreg.registry.registry
started = perf_counter_ns()
registry = Registry.open(path)
figures["open"] = perf_counter_ns() - started
beat = lambda: registry.sessions.heartbeat("one")
figures["first heartbeat"] = timed(beat, 1, 0)
timed(beat, 20, 0)
figures["heartbeat"] = timed(beat, 300, 0)
figures["cold heartbeat"] = timed(beat, 15, 0.02)
number = iter(range(1000))
prefix = perf_counter_ns()
figures["register"] = timed(lambda: registry.sessions.register(f"{prefix}-{next(number)}"), 100, 0)
registry.close()
"""
_HAND = """
import sqlite3
started = perf_counter_ns()
connection = sqlite3.connect(path, timeout=3, isolation_level=None)
connection.execute("PRAGMA synchronous=NORMAL")
connection.execute("PRAGMA foreign_keys=ON")
connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
figures["open"] = perf_counter_ns() - started
stamp = iter(range(10**6))
def beat():
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "UPDATE sessions SET last_heartbeat_at = ? "
        "WHERE workspace_id = 'default' AND session_id = 'one' AND status = 'active'",
        (f"2026-01-01T00:00:00.{next(stamp):06d}Z",),
    )
    connection.execute("COMMIT")
figures["first heartbeat"] = timed(beat, 1, 0)
timed(beat, 20, 0)
figures["heartbeat"] = timed(beat, 300, 0)
figures["cold heartbeat"] = timed(beat, 15, 0.02)
connection.close()
"""
_PRINT = "\nprint(json.dumps(figures))"
_IMPORT = "import pytest_sessionreg"
_START = "from pytest_sessionreg import Registry; r = Registry.open({path!r}); r.sessions.heartbeat('one'); r.close()"
_START_BY_HAND = """
import sqlite3
connection = sqlite3.connect({path!r}, timeout=3, isolation_level=None)
connection.execute("PRAGMA synchronous=NORMAL")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE sessions SET last_heartbeat_at = '2026' WHERE session_id = 'one'")
connection.execute("COMMIT")
connection.close()
"""


def main() -> None:
    """Measure, and print one table."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trees", nargs="+", metavar="NAME=TREE")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    trees = dict(text.split("=", 1) for text in given.trees)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # inherited by what is measured
    subjects = [*trees, _BY_HAND]
    rounds: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as directory:
        print(Environment.of(str(Path(directory) / "any.db")).line())
        paths = {name: _prepared(trees.get(name, next(iter(trees.values()))), directory, name) for name in subjects}
        for number in range(given.rounds + 1):
            figures = {}
            for name in random.sample(subjects, len(subjects)):
                figures[name] = _measured(trees.get(name), paths[name])
            if number:  # the first one writes what Python caches
                rounds.append(figures)
    _show(subjects, rounds)


def _environment(tree: str | None) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **({} if tree is None else {"PYTHONPATH": str(Path(tree).resolve())})}


def _run(tree: str | None, *words: str) -> str:
    command = [sys.executable, "-c", *words]
    return subprocess.run(command, env=_environment(tree), check=True, capture_output=True, text=True).stdout


def _prepared(tree: str, directory: str, name: str) -> str:
    """The path of a registry with one session, made by `tree`."""
    path = str(Path(directory) / f"{name.replace(' ', '-')}.db")
    text = f"from pytest_sessionreg import Registry; r = Registry.open({path!r}); r.sessions.register('one'); r.close()"
    _run(tree, text)
    return path


def _measured(tree: str | None, path: str) -> dict[str, float]:
    """Microseconds by step."""
    whole = (
        {"import": "import sqlite3", "start": _START_BY_HAND} if tree is None else {"import": _IMPORT, "start": _START}
    )
    figures = {}
    for step, text in whole.items():
        started = perf_counter_ns()
        _run(tree, text.format(path=path))
        figures[step] = float(perf_counter_ns() - started)
    text = _COMMON + (_HAND if tree is None else _INSIDE) + _PRINT
    figures |= json.loads(_run(tree, text, path))
    return {step: taken_ns / 1000 for step, taken_ns in figures.items()}


def _show(subjects: list[str], rounds: list[dict[str, dict[str, float]]]) -> None:
    first = subjects[0]
    print(f"{'µs':16}" + "".join(f"{name:>34}" for name in subjects))
    for step in _STEPS:
        cells = []
        for name in subjects:
            taken = [figures[name][step] for figures in rounds if step in figures[name]]
            if not taken:
                cells.append(f"{'-':>34}")
                continue
            low, middle, high = quantiles(taken, n=4)
            ratio = median(figures[name][step] / figures[first][step] for figures in rounds)
            cells.append(f"{middle:10,.0f} [{low:,.0f} {high:,.0f}] x{ratio:.3f}".rjust(34))
        print(f"{step:16}" + "".join(cells))


if __name__ == "__main__":
    main()
