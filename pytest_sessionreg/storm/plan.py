"""The parameters of one storm, checked."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import Any

from ..error_base import StormError
from ..registry.location import resolve
from ..registry.sqlite.admission.policy import AdmissionPolicy
from ..results.numbers import check_number
from ..results.policies import Own, policy_named
from .catalogue import workload_named
from .defaults import HOLD_MS, SEED, THINK_MS, WORKERS, WORKLOAD, WRITES
from .workload import Workload
from .workloads.registry_workload import RegistryStorm

__all__ = ["Plan"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's

# Beyond this the machine measures its own scheduler; and a typing error should not start a million processes.
_MOST_WORKERS = 4096
_MOST_PER_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """One storm: `workers` processes, each making `writes` writes (or writing for `duration_s` seconds) under `policy`.

    hold_ms: slept inside each transaction.
    think_ms: mean of the exponential pause before each write (a closed loop).
    rate_per_s: instead of the pauses, writes per second over all workers on a fixed schedule, each measured from the
        instant for which it was scheduled (an open loop).
    seed: repeats think times, jitter and what a workload draws.
    workload: a built-in's name, "module:function", or a Workload.
    database: path of the file to storm, None for a fresh one in a temporary directory.
    timeout_s: when workers that are not done are killed, None for a generous time (see deadline_s).

    A workload that does its own transactions takes policy Own() and hold_ms 0. Raises StormError for a value that makes
    no storm.
    """

    policy: AdmissionPolicy
    workers: int = WORKERS
    writes: int | None = WRITES
    duration_s: float | None = None
    hold_ms: float = HOLD_MS
    think_ms: float = THINK_MS
    seed: int = SEED
    workload: str | Workload = WORKLOAD
    database: str | None = None
    rate_per_s: float | None = None
    timeout_s: float | None = None

    @classmethod
    def of(
        cls,
        workload: str | Workload,
        *,
        policy: AdmissionPolicy | str | None = None,
        writes: int | None = None,
        duration_s: float | None = None,
        hold_ms: float | None = None,
        think_ms: float | None = None,
        rate_per_s: float | None = None,
        **others: Any,
    ) -> Plan:
        """A plan in which what is None follows from the rest: policy the queue, the default writes unless duration_s is
        given, the default hold and think time; no policy and no hold for a workload that does its own transactions, no
        think time with rate_per_s. others: the other fields by name.
        """
        chosen = workload_named(workload) if isinstance(workload, str) else workload
        if policy is None:
            policy = "queue" if chosen.admitted else Own()
        if hold_ms is None:
            hold_ms = HOLD_MS if chosen.admitted else 0.0
        if think_ms is None:
            think_ms = THINK_MS if rate_per_s is None else 0.0
        return cls(
            policy=policy_named(policy) if isinstance(policy, str) else policy,
            writes=WRITES if writes is None and duration_s is None else writes,
            duration_s=duration_s,
            hold_ms=hold_ms,
            think_ms=think_ms,
            rate_per_s=rate_per_s,
            workload=chosen,
            **others,
        )

    def __post_init__(self) -> None:
        check_number("workers", self.workers, 1, _MOST_WORKERS, whole=True)
        if (self.writes is None) == (self.duration_s is None):
            raise StormError("writes and duration exclude each other; give one of them")
        if self.writes is not None:
            check_number("writes", self.writes, 1, 2**32 - 1, whole=True)
        if self.duration_s is not None:
            check_number("duration", self.duration_s, 0.001, 86_400)
        check_number("hold_ms", self.hold_ms, 0, 60_000)
        check_number("think_ms", self.think_ms, 0, 3_600_000)
        check_number("seed", self.seed, 0, 2**63 - 1, whole=True)
        if self.rate_per_s is not None:
            check_number("rate", self.rate_per_s, 0.001, _MOST_PER_SECOND)
            if self.think_ms:
                raise StormError(
                    f"rate={self.rate_per_s:g} and think_ms={self.think_ms:g} exclude each other: a schedule leaves no "
                    "pauses; give one of them, and 0 for the other"
                )
        if self.timeout_s is not None:
            check_number("timeout", self.timeout_s, 0.001, 7 * 86_400)
        self._check_admission()

    def _check_admission(self) -> None:
        workload = self.resolved()
        own = isinstance(self.policy, Own)
        if workload.admitted and own:
            raise StormError(f"policy own: workload {workload.name} is admitted by the storm; name a policy")
        if not workload.admitted and not own:
            raise StormError(
                f"policy {self.policy.name}: workload {workload.name} does its own transactions: "
                "no policy applies; name none, or let the function take a connection"
            )
        if not workload.admitted and self.hold_ms:
            raise StormError(
                f"hold_ms={self.hold_ms:g}: workload {workload.name} does its own transactions and holds the "
                "lock for as long as it likes; give 0, or let the function take a connection"
            )

    def resolved(self) -> Workload:
        """The workload itself."""
        return workload_named(self.workload) if isinstance(self.workload, str) else self.workload

    def location(self) -> str:
        """The path of the file to storm; where there is none yet, of one in the temporary directory, where it will lie.

        Raises CannotOpen where that file could not be.
        """
        path = self.database or os.path.join(tempfile.gettempdir(), "storm.db")
        if isinstance(self.resolved(), RegistryStorm):
            return resolve(path)
        directory = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(directory):
            raise StormError(f"{path}: directory {directory} does not exist; create it first")
        return os.path.abspath(path)

    def deadline_s(self) -> float:
        """When a storm that is not done must be hanging, in seconds: timeout_s, or 90 to start, and either duration_s
        or for each write of a worker 10, the hold, and three mean pauses or its interval on the schedule.
        """
        if self.timeout_s is not None:
            return self.timeout_s
        if self.duration_s is not None:
            return 90 + self.duration_s
        pause_s = 3 * self.think_ms / 1000 if self.rate_per_s is None else self.workers / self.rate_per_s
        return 90 + (self.writes or 0) * (10 + pause_s + self.hold_ms / 1000)
