"""One storm, for a benchmark that sets checkouts or policies side by side: its figures as JSON.

    python tests/benchmarks/one_storm.py POLICY WORKERS WRITES HOLD_MS THINK_MS SEED

POLICY is a policy's name, or `flock`: one flock(2) on a file of its own, held while writing, as many programs have it.
WRITES is how many each worker makes, or with an `s` behind it for how many seconds. Which checkout is
measured PYTHONPATH says.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

import numpy as np

from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

sys.path.insert(0, str(Path(__file__).parent))  # where workers find the policy


class Flock:
    """The policy of one flock."""

    name = "flock"

    def bind(self, database: str) -> _Held:
        """Its file, beside the database."""
        return _Held(database)


class _Held:
    busy_timeout_s = 0.0

    def __init__(self, database: str) -> None:
        self._fd = os.open(database + ".flock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> int:  # noqa: ARG002  it waits for ever
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        busy = 0
        while not begin():
            busy += 1
            sleep(0.0002)
        return busy

    def leave(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._fd)


def main() -> None:
    """Run it."""
    name, workers, writes, hold_ms, think_ms, seed = sys.argv[1:]
    if name == "flock":
        from one_storm import Flock as Importable  # type: ignore[import-not-found]  # by a name that workers can import

        policy = Importable()
    else:
        policy = policy_named(name)
    run = run_storm(
        Plan(
            policy,
            workers=int(workers),
            writes=None if writes.endswith("s") else int(writes),
            duration_s=float(writes[:-1]) if writes.endswith("s") else None,
            hold_ms=float(hold_ms),
            think_ms=float(think_ms),
            seed=int(seed),
        )
    )
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    written = np.bincount(run.samples.worker[run.samples.committed], minlength=run.workers)
    figures = {
        "p50 ms": run.latency_ms.p50,
        "p99 ms": run.latency_ms.p99,
        "p99.9 ms": run.latency_ms.p999,
        "max ms": run.latency_ms.max,
        "p99 /ideal": run.slowdown.p99,
        "writes/s": run.throughput_per_s,
        "slowest": float(written.min() / written.mean()),
        "fairness": run.fairness,
        "gave up": float(run.counts.exhausted + run.counts.failed + (run.lost or 0)),
        "cpu us": (spent.ru_utime + spent.ru_stime) / max(int(written.sum()), 1) * 1e6,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
