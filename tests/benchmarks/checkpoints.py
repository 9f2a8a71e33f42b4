"""How often the log should be checkpointed: writes per second, tail and log, for several sizes at which SQLite does it.

    python tests/benchmarks/checkpoints.py [--rounds 5] [--duration 6] [--out DIRECTORY]

Writers of one-row transactions that come straight back, under the queue, so that every checkpoint falls to one of them,
inside its COMMIT and in its turn. The sizes take turns within each round; figures are medians over the rounds, with the
least and the greatest beside them.
"""

from __future__ import annotations

import os
import random
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from pytest_sessionreg import Registry, WriteQueue
from pytest_sessionreg.processes import Call, Group
from pytest_sessionreg.results.environment import Environment

_WRITERS = 32
# In pages of 4 KiB; 1,000 is SQLite's default (https://www.sqlite.org/pragma.html#pragma_wal_autocheckpoint).
_SIZES = (50, 250, 1000, 4000)
_COLUMNS = ("writes/s", "p99 ms", "p99.9 ms", "max ms", "log MB")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", type=float, default=6, help="seconds of each storm")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rounds: dict[int, list[tuple[float, ...]]] = {pages: [] for pages in _SIZES}
    for number in range(options.rounds):
        for pages in random.Random(number).sample(_SIZES, len(_SIZES)):
            rounds[pages].append(_storm(pages, options.duration))
    with tempfile.TemporaryDirectory() as directory:
        machine = Environment.of(os.path.join(directory, "sessions.db")).line()
    lines = [
        machine,
        "",
        f"{_WRITERS} writers under the queue, no hold, no think time, medians of {options.rounds}:",
        "",
    ]
    lines += ["| checkpoint at, pages | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for pages, figures in rounds.items():
        cells = (
            f"{_short(median(each))} ({_short(min(each))}-{_short(max(each))})" for each in zip(*figures, strict=True)
        )
        lines.append(f"| {pages} | " + " | ".join(cells) + " |")
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "checkpoints.md").write_text(text)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _storm(pages: int, duration_s: float) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sessions.db")
        calls = [Call(_writer, (path, worker, pages, duration_s)) for worker in range(_WRITERS)]
        with Registry.open(path) as onlooker:  # the last one to close removes the log
            with onlooker.transaction() as transaction:
                transaction.execute("CREATE TABLE written (writer INTEGER, number INTEGER)")
            with Group(calls, deadline_s=120) as group:
                group.wait_until_ready()
                group.release()
                waits_ms = np.concatenate(group.results())
            log_mb = os.stat(f"{path}-wal").st_size / 1e6
    p99, p999 = np.percentile(waits_ms, (99, 99.9))
    return len(waits_ms) / duration_s, float(p99), float(p999), float(waits_ms.max()), log_mb


def _writer(path: str, worker: int, pages: int, duration_s: float) -> Callable[[], list[float]]:
    registry = Registry.open(path, policy=WriteQueue(patience=60))
    connection = registry._database.connection
    assert connection is not None
    connection.execute(f"PRAGMA wal_autocheckpoint={pages}")

    def run() -> list[float]:
        took_ms: list[float] = []
        ended = perf_counter()
        last = ended + duration_s
        while ended < last:
            started = ended
            with registry.transaction() as transaction:
                transaction.execute("INSERT INTO written VALUES (?, ?)", (worker, len(took_ms)))
            ended = perf_counter()
            took_ms.append((ended - started) * 1000)
        registry.close()
        return took_ms

    return run


if __name__ == "__main__":
    main()
