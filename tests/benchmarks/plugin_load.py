"""What the plugin adds to `pytest --co` of an empty suite.

    python tests/benchmarks/plugin_load.py [--rounds 41]

The same command with and without it, and once more without it as a control, in random order each round; by the clock,
and in processor time, which other work on the machine disturbs less. Bar: 15 ms.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from statistics import median
from time import perf_counter

from pytest_sessionreg.results.environment import Environment

_WITHOUT = ["-p", "no:sessionreg"]
_KINDS = {"with": [], "without": _WITHOUT, "control": _WITHOUT}
_CLOCKS = ("by the clock", "in processor time")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=41)
    count = parser.parse_args().rounds
    random.seed(1)
    with tempfile.TemporaryDirectory() as directory:
        print(Environment.of(os.path.join(directory, "x.db")).line())
        for words in _KINDS.values():
            _run_ms(directory, words)  # once uncounted: the page cache and the .pyc files
        rounds = [
            {kind: _run_ms(directory, _KINDS[kind]) for kind in random.sample(list(_KINDS), len(_KINDS))}
            for _ in range(count)
        ]
    for clock, name in enumerate(_CLOCKS):
        for kind, what in (("with", "the plugin"), ("control", "nothing")):
            added = sorted(taken[kind][clock] - taken["without"][clock] for taken in rounds)
            quarter = len(added) // 4
            print(
                f"{what} adds {median(added):.2f} ms to {median(taken['without'][clock] for taken in rounds):.0f} "
                f"{name} (median of {count} rounds, quartiles {added[quarter]:.2f} and {added[-quarter - 1]:.2f})"
            )
    print("bar: 15 ms")


def _run_ms(directory: str, words: list[str]) -> tuple[float, float]:
    """One run with no other plugin than pytest's own and, maybe, this one: others load what would be paid for twice.

    By the clock, and the processor time of all its threads.
    """
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else pytest rewrites the plugin's assertions anew in every run
    loaded = words or ["-p", "pytest_sessionreg.plugin.hooks"]
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", *loaded]
    started = perf_counter()
    process = subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    taken_ms = (perf_counter() - started) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 5, "an empty suite"
    return taken_ms, (usage.ru_utime + usage.ru_stime) * 1000


if __name__ == "__main__":
    main()
