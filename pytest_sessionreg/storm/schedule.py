"""When a worker writes: after a pause of its own (a closed loop), or when a fixed schedule says so (an open one).

Why there are both: docs/measuring.md#closed-and-open-loop.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from itertools import count
from time import monotonic_ns, sleep

from ..results.ledger import Ledger
from .job import Job

__all__ = ["ORIGIN", "lead_ns", "turns"]

# The schedule's first instant, in monotonic nanoseconds: all workers read it once the barrier is released.
ORIGIN = struct.Struct("<q")

_LEAD_NS = 20_000_000
_LEAD_PER_WORKER_NS = 500_000


def lead_ns(workers: int) -> int:
    """How long after the barrier a schedule begins, so that every worker is awake by then."""
    return _LEAD_NS + workers * _LEAD_PER_WORKER_NS


def turns(job: Job, ledger: Ledger) -> Iterator[int]:
    """The numbers of the worker's writes, each as soon as it is due; sets the ledger's sequence and due_ns."""
    numbers = count() if job.writes is None else iter(range(job.writes))
    for sequence in _paced_turns(job, numbers) if job.rate_per_s is None else _scheduled_turns(job, ledger, numbers):
        ledger.sequence = sequence
        yield sequence


def _paced_turns(job: Job, numbers: Iterator[int]) -> Iterator[int]:
    think = random.Random(f"{job.site.seed}/{job.worker}/think")
    end_ns = None if job.duration_s is None else monotonic_ns() + round(job.duration_s * 1e9)
    for sequence in numbers:
        if job.think_s:
            sleep(think.expovariate(1 / job.think_s))
        if end_ns is not None and monotonic_ns() >= end_ns:
            return
        yield sequence


def _scheduled_turns(job: Job, ledger: Ledger, numbers: Iterator[int]) -> Iterator[int]:
    """Write i of worker w of W is due at (i W + w) / rate. One that comes late begins at once, and stays late."""
    descriptor = os.open(job.origin, os.O_RDONLY)
    try:
        (origin_ns,) = ORIGIN.unpack(os.read(descriptor, ORIGIN.size))
    finally:
        os.close(descriptor)
    interval_ns = 1e9 / (job.rate_per_s or 1)
    for sequence in numbers:
        offset_ns = round((sequence * job.site.workers + job.worker) * interval_ns)
        if job.duration_s is not None and offset_ns >= job.duration_s * 1e9:
            return
        ledger.due_ns = origin_ns + offset_ns
        early_ns = ledger.due_ns - monotonic_ns()
        if early_ns > 0:
            sleep(early_ns / 1e9)
        yield sequence
