"""A write storm from its start to its result: prepare the file, let the workers loose, collect the ledgers, check the
database.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, monotonic_ns

from ..error_base import StormError
from ..processes import Call, Group, ProcessError, WorkerFailed
from ..registry import RegistryError
from ..registry.sqlite.admission.queue.line import line_state
from ..registry.sqlite.admission.write_queue import WriteQueue
from ..results.failures import read_failures
from ..results.result import StormRun
from ..results.samples import Samples, read_counters
from .analysis import Observations, analyse_storm
from .descriptors import raise_descriptor_limit
from .interruption import StormInterrupted
from .job import Job, Site
from .modules import loaded_modules, modules_used_by
from .plan import Plan
from .recorder import recording_cost_ns
from .schedule import ORIGIN, lead_ns
from .verification import Verification, check_integrity, verify_writes
from .worker import prepare
from .workload import Workload

__all__ = ["Progress", "run_storm"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's

_OUR_ERRORS = (RegistryError.__module__, StormError.__module__)
_PACKAGE = __name__.split(".", maxsplit=1)[0]
# Loaded once and shared by all workers; ctypes is what each needs to die with its parent.
_PRELOAD = (
    "ctypes",
    prepare.__module__,
    *(f"{_PACKAGE}.storm.workloads.{name}" for name in ("registry_workload", "function", "statements", "hook")),
    *(f"{_PACKAGE}.registry.stores.{name}" for name in ("sessions", "locks", "skills", "audit")),
    *(
        f"{_PACKAGE}.registry.sqlite.admission.{name}"
        for name in ("retry_budget", "fixed_interval", "write_queue", "record")
    ),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a storm stands: writes recorded of those planned (None by duration), seconds since the barrier, and the rates
    so far. in_line: how many writers stand in the write queue's line just now, None under other policies.
    """

    policy: str
    done: int
    planned: int | None
    elapsed_s: float
    writes_per_s: float
    busy_rate: float | None
    in_line: int | None = None


def run_storm(plan: Plan, on_progress: Callable[[Progress], None] | None = None) -> StormRun:
    """Run the storm `plan` describes. on_progress is called about ten times a second while the workers write.

    Raises StormError or RegistryError when the file cannot be used and ProcessError when the workers cannot start;
    StormInterrupted, which carries what was measured, when the storm ends before its end: a worker fails, dies or
    hangs, or Ctrl-C (which is then its cause). Nothing is left behind but `plan.database`, if one was named: there the
    storm's own table and sessions are removed again.
    """
    workload = plan.resolved()
    with raise_descriptor_limit(plan.workers), tempfile.TemporaryDirectory(prefix="sessionreg-storm-") as scratch:
        site = Site(
            database=os.path.abspath(plan.database or os.path.join(scratch, "storm.db")),
            named=plan.database is not None,
            storm=f"storm-{os.path.basename(scratch)}",
            workers=plan.workers,
            seed=plan.seed,
        )
        recorder_ns = recording_cost_ns(scratch)
        workload.prepare(site)
        storm = _Storm(plan, workload, site, scratch, recorder_ns)
        try:
            return storm.run(on_progress)
        finally:
            if site.named:
                workload.clear(site)


class _Storm:
    """One storm under way. opened_ns: when the barrier was released, 0 until then."""

    def __init__(self, plan: Plan, workload: Workload, site: Site, scratch: str, recorder_ns: float) -> None:
        self._plan, self._workload, self._site, self._scratch = plan, workload, site, scratch
        self._recorder_ns = recorder_ns
        self._ledgers = [os.path.join(scratch, f"{worker}.ledger") for worker in range(plan.workers)]
        self._failures = [os.path.join(scratch, f"{worker}.failures") for worker in range(plan.workers)]
        self._origin = os.path.join(scratch, "origin")
        self._before = workload.stored_writes(site) if site.named else None
        self._opened_ns = 0

    def run(self, on_progress: Callable[[Progress], None] | None) -> StormRun:
        """Let the workers write, and judge what they did."""
        try:
            self._run_workers(on_progress)
        except (ProcessError, KeyboardInterrupt) as error:
            reason = _reason(error)
            run = self._analyse_partial(reason) if self._opened_ns else None
            if run is not None:
                raise StormInterrupted(reason, run) from error
            if isinstance(error, WorkerFailed) and reason != str(error):
                raise StormError(reason) from error
            raise
        return self._analyse(None)

    def _run_workers(self, on_progress: Callable[[Progress], None] | None) -> None:
        plan = self._plan
        calls = [Call(prepare, (self._workload, self._job(worker))) for worker in range(plan.workers)]
        planned = None if plan.writes is None else plan.writes * plan.workers
        with Group(
            calls,
            deadline_s=plan.deadline_s(),
            preload=_PRELOAD,
            scratch=self._scratch,
            by_value=loaded_modules(self._workload.modules),
            preload_if_used=modules_used_by(self._workload.modules),
        ) as group:
            group.wait_until_ready()
            self._set_origin()
            started = monotonic()
            opened_ns = group.release()
            if plan.rate_per_s is None:
                self._opened_ns = opened_ns

            def tick() -> None:
                if on_progress is not None:
                    on_progress(self._progress(planned, monotonic() - started))

            group.results(tick)

    def _progress(self, planned: int | None, elapsed_s: float) -> Progress:
        done, busy, begins = read_counters(self._ledgers)
        return Progress(
            policy=self._plan.policy.name,
            done=done,
            planned=planned,
            elapsed_s=elapsed_s,
            writes_per_s=done / elapsed_s if elapsed_s else 0.0,
            busy_rate=busy / begins if begins else None,
            in_line=self._in_line(),
        )

    def _in_line(self) -> int | None:
        if not isinstance(self._plan.policy, WriteQueue):
            return None
        with suppress(OSError):  # a display is no reason to end a storm
            state = line_state(self._site.database)
            return None if state is None or state.waiters is None else len(state.waiters)
        return None

    def _job(self, worker: int) -> Job:
        plan = self._plan
        return Job(
            site=self._site,
            worker=worker,
            ledger=self._ledgers[worker],
            failures=self._failures[worker],
            origin=self._origin,
            policy=plan.policy,
            workload=self._workload.name,
            writes=plan.writes,
            duration_s=plan.duration_s,
            rate_per_s=plan.rate_per_s,
            hold_s=plan.hold_ms / 1000,
            think_s=plan.think_ms / 1000,
        )

    def _set_origin(self) -> None:
        """Say when an open loop's schedule begins."""
        if self._plan.rate_per_s is not None:
            self._opened_ns = monotonic_ns() + lead_ns(self._plan.workers)
            with open(self._origin, "wb") as file:
                file.write(ORIGIN.pack(self._opened_ns))

    def _analyse_partial(self, reason: str) -> StormRun | None:
        """What was measured until the storm ended; None where there is nothing, or nothing can be read any more."""
        with suppress(StormError, RegistryError, ProcessError, sqlite3.Error, OSError):
            return self._analyse(reason)
        return None

    def _analyse(self, partial: str | None) -> StormRun:
        samples = Samples.read(self._ledgers, opened_ns=self._opened_ns)
        raised = read_failures(self._failures)
        observations = Observations(
            evidence=self._verify(samples),
            recorder_ns=self._recorder_ns,
            failures=tuple(failure for failure in raised if not failure.exhausted),
            given_up=tuple(failure for failure in raised if failure.exhausted),
            partial=partial,
        )
        return analyse_storm(self._plan, samples, observations)

    def _verify(self, samples: Samples) -> Verification:
        site, workload = self._site, self._workload
        complaint = check_integrity(site.database, foreign_keys=workload.foreign_keys)
        return verify_writes(workload.stored_writes(site), samples, complaint, before=self._before)


def _reason(error: BaseException) -> str:
    """Why a storm ended, in one line where it can be."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, WorkerFailed):
        first = error.failures[min(error.failures)]
        if first.kind.startswith(_OUR_ERRORS):
            # our own messages name the object, its state and the remedy; a traceback adds nothing
            return f"worker {min(error.failures)}: {first.message}"
    return str(error)
