"""The parameters of one storm, checked."""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import dataclass

from ..registry.admission.policy import AdmissionPolicy
from ..registry.location import resolve
from .errors import StormError
from .workload import WORKLOAD_NAMES

__all__ = ["Plan"]

# Beyond this the machine measures its own scheduler; and a typing error should not start a million processes.
_MOST_WORKERS = 4096


@dataclass(frozen=True, slots=True)
class Plan:
    """One storm: `workers` processes, each making `writes` writes (or writing for `duration_s` seconds) under `policy`.

    hold_ms: slept inside each transaction. think_ms: mean of the exponential pause before each write. seed: repeats
    think times and jitter. workload: a built-in's name. database: path of the file to storm, None for a fresh one in a
    temporary directory. Raises StormError for a value that makes no storm.
    """

    policy: AdmissionPolicy
    workers: int = 32
    writes: int | None = 30
    duration_s: float | None = None
    hold_ms: float = 2.0
    think_ms: float = 150.0
    seed: int = 1
    workload: str = "heartbeat"
    database: str | None = None

    def __post_init__(self) -> None:
        _check("workers", self.workers, 1, _MOST_WORKERS, whole=True)
        if (self.writes is None) == (self.duration_s is None):
            raise StormError("writes and duration exclude each other; give one of them")
        if self.writes is not None:
            _check("writes", self.writes, 1, 2**32 - 1, whole=True)
        if self.duration_s is not None:
            _check("duration", self.duration_s, 0.001, 86_400)
        _check("hold_ms", self.hold_ms, 0, 60_000)
        _check("think_ms", self.think_ms, 0, 3_600_000)
        _check("seed", self.seed, 0, 2**63 - 1, whole=True)
        if self.workload not in WORKLOAD_NAMES:
            raise StormError(f"workload {self.workload!r} is unknown; choose from {', '.join(WORKLOAD_NAMES)}")

    def location(self) -> str:
        """The path of the file to storm; where there is none yet, of one in the temporary directory, where it will lie.

        Raises CannotOpen where that file could not be.
        """
        return resolve(self.database or os.path.join(tempfile.gettempdir(), "storm.db"))

    def deadline_s(self) -> float:
        """When a storm that is not done must be hanging: a minute to start, and for each write its pause and 10 s."""
        if self.duration_s is not None:
            return 90 + self.duration_s
        return 90 + (self.writes or 0) * (10 + (3 * self.think_ms + self.hold_ms) / 1000)


def _check(name: str, value: object, minimum: float, maximum: float, *, whole: bool = False) -> None:
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not math.isfinite(value):
        raise StormError(f"{name}={value!r}: must be {'a whole' if whole else 'a'} number")
    if not minimum <= value <= maximum:
        raise StormError(f"{name}={value}: must be between {minimum:g} and {maximum:g}")
