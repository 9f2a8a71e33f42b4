"""What recording costs a storm's worker per write, ledger included.

    python tests/benchmarks/recording.py

The same heartbeats with and without the ledger as observer, rounds interleaved. Bar: 5 us a write.
"""

from __future__ import annotations

import os
import tempfile
from statistics import median
from time import perf_counter

from pytest_sessionreg import BusyTimeout, Registry
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.ledger import Ledger

_ROUNDS = 31
_WRITES = 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sessions.db")
        print(Environment.of(path).line())
        with (
            Ledger(os.path.join(directory, "ledger")) as ledger,
            Registry.open(path, policy=BusyTimeout()) as silent,
            Registry.open(path, policy=BusyTimeout(), observer=ledger) as recorded,
        ):
            silent.sessions.register("one")
            pairs = [(_per_write_us(silent, None), _per_write_us(recorded, ledger)) for _ in range(_ROUNDS)]
    costs = sorted(with_ledger - without for without, with_ledger in pairs)
    print(
        f"without   median {median(without for without, _ in pairs):6.2f} us a write   ({_ROUNDS} x {_WRITES} writes)"
    )
    print(f"with      median {median(with_ledger for _, with_ledger in pairs):6.2f} us a write")
    quarter = len(costs) // 4
    quartiles = f"quartiles {costs[quarter]:.2f} and {costs[-quarter - 1]:.2f}"
    print(f"recording median {median(costs):6.2f} us a write, {quartiles} (bar: 5)")


def _per_write_us(registry: Registry, ledger: Ledger | None) -> float:
    heartbeat = registry.sessions.heartbeat
    started = perf_counter()
    if ledger is None:
        for _ in range(_WRITES):
            heartbeat("one")
    else:
        for sequence in range(_WRITES):
            ledger.sequence = sequence
            heartbeat("one")
    return (perf_counter() - started) / _WRITES * 1e6


if __name__ == "__main__":
    main()
