"""What one heartbeat from a fresh interpreter costs, beside the same written by hand with sqlite3.

    python tests/benchmarks/cold_heartbeat.py

Each process imports, opens a settled database, writes one heartbeat and exits; the two are alternated. Bar: 1.5.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter

from pytest_sessionreg import Registry
from pytest_sessionreg.results.environment import Environment

_ROUNDS = 15
_REGISTRY = """
import sys
from pytest_sessionreg import Registry
with Registry.open(sys.argv[1]) as registry:
    registry.sessions.heartbeat("one")
"""
_BY_HAND = """
import sqlite3, sys
from datetime import datetime, timezone
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA busy_timeout=5000")
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=NORMAL")
connection.execute("PRAGMA foreign_keys=ON")
connection.execute("BEGIN IMMEDIATE")
instant = datetime.now(timezone.utc).isoformat(timespec="microseconds")
connection.execute("UPDATE sessions SET last_heartbeat_at = ? WHERE session_id = ?", (instant, "one"))
connection.execute("COMMIT")
connection.close()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sessions.db")
        with Registry.open(path) as registry:
            registry.sessions.register("one")
        print(Environment.of(path).line())
        taken: dict[str, list[float]] = {_REGISTRY: [], _BY_HAND: []}
        for program in taken:
            _run(program, path)  # once uncounted: the page cache and the .pyc files
        for _ in range(_ROUNDS):
            for program, seconds in taken.items():
                seconds.append(_run(program, path))
    for name, program in (("registry", _REGISTRY), ("by hand", _BY_HAND)):
        ms = [second * 1000 for second in taken[program]]
        print(f"{name:<9} median {median(ms):6.2f} ms   least {min(ms):6.2f}   most {max(ms):6.2f}   ({_ROUNDS} runs)")
    print(f"ratio of medians {median(taken[_REGISTRY]) / median(taken[_BY_HAND]):.2f} (bar: 1.50)")


def _run(program: str, path: str) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, "-c", program, path], check=True)
    return perf_counter() - started


if __name__ == "__main__":
    main()
