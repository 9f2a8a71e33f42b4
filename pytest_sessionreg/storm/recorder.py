"""What the measuring itself costs."""

from __future__ import annotations

import os
from statistics import median
from time import monotonic_ns, perf_counter_ns

from ..registry.sqlite.admission.record import WriteRecord
from ..results.ledger import Ledger

__all__ = ["recording_cost_ns"]

_BATCHES = 7
_RECORDS = 300


def recording_cost_ns(directory: str) -> float:
    """Nanoseconds that recording adds to a write: two looks at the clock, the record, its line in a ledger.

    The median of a few batches in this process, in a ledger that is made in `directory` and removed. What a storm's
    worker pays when it is short of processor time is more; `tests/benchmarks/recording.py` measures it on real writes.
    """
    path = os.path.join(directory, "recorder")
    batches = []
    try:
        with Ledger(path) as ledger:
            for _ in range(_BATCHES):
                started_ns = perf_counter_ns()
                for sequence in range(_RECORDS):
                    ledger.sequence = sequence
                    ledger(WriteRecord(monotonic_ns(), 1000, monotonic_ns(), 0, 0, "committed", None, None))
                batches.append((perf_counter_ns() - started_ns) / _RECORDS)
    finally:
        if os.path.exists(path):
            os.unlink(path)
    return round(median(batches), 1)
