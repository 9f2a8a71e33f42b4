"""What the plugin adds to `pytest --co` of an empty suite.

    python tests/benchmarks/plugin_load.py

The same command with and without it, and once more without it as a control, in random order each round. Bar: 15 ms.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter

from pytest_sessionreg.storm.environment import Environment

_ROUNDS = 41
_WITHOUT = ["-p", "no:sessionreg"]
_KINDS = {"with": [], "without": _WITHOUT, "control": _WITHOUT}


def main() -> None:
    random.seed(1)
    with tempfile.TemporaryDirectory() as directory:
        print(Environment.of(os.path.join(directory, "x.db")).line())
        for words in _KINDS.values():
            _run_ms(directory, words)  # once uncounted: the page cache and the .pyc files
        rounds = [
            {kind: _run_ms(directory, _KINDS[kind]) for kind in random.sample(list(_KINDS), len(_KINDS))}
            for _ in range(_ROUNDS)
        ]
    for kind in _KINDS:
        print(f"{kind:<8} median {median(taken[kind] for taken in rounds):7.2f} ms   ({_ROUNDS} runs)")
    for kind, what in (("with", "the plugin"), ("control", "nothing")):
        added = sorted(taken[kind] - taken["without"] for taken in rounds)
        quarter = len(added) // 4
        quartiles = f"quartiles {added[quarter]:.2f} and {added[-quarter - 1]:.2f}"
        print(f"{what} adds {median(added):.2f} ms (median of {_ROUNDS} rounds, {quartiles})")
    print("bar: 15 ms")


def _run_ms(directory: str, words: list[str]) -> float:
    """One run with no other plugin than pytest's own and, maybe, this one: others load what would be paid for twice."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else pytest rewrites the plugin's assertions anew in every run
    loaded = words or ["-p", "pytest_sessionreg.plugin"]
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", *loaded]
    started = perf_counter()
    done = subprocess.run(command, cwd=directory, env=environment, stdout=subprocess.DEVNULL, check=False)
    taken_ms = (perf_counter() - started) * 1000
    assert done.returncode == 5, "an empty suite"
    return taken_ms


if __name__ == "__main__":
    main()
