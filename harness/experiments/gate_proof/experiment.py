"""The runs of the gate that the proof is made of."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from pytest_sessionreg.error_base import ResultError, StormError
from pytest_sessionreg.gate.baseline import Baseline
from pytest_sessionreg.gate.gate import measure_storm, run_gate
from pytest_sessionreg.gate.measurement import machine_class
from pytest_sessionreg.gate.pairs import Ground
from pytest_sessionreg.processes import Call, Group
from pytest_sessionreg.results.environment import Environment

from .case_progress import planned_runs
from .cases import CASES, Case, notes_plan
from .run import GateRun, append_run, read_runs

__all__ = ["RUNS", "prove"]

RUNS = "runs.jsonl"
_STORM = "notes"
# A baseline is measured anew in each of so many cycles: its own luck is part of the proof.
_CYCLES = 20
_BUSY_PATIENCE_S = 600.0


def prove(
    directory: str,
    *,
    share: float = 1.0,
    minutes: float | None = None,
    on_run: Callable[[GateRun, int, int], None] | None = None,
) -> None:
    """Run what is missing of the proof in `directory`; each run is stored as soon as it is done, so that a proof may be
    interrupted, and continued by starting it again.

    share: of the whole number of runs, at least one of each case.
    minutes: no run is begun after so many, None for no end.
    on_run: called with each run, and how many are done of how many.

    Raises ResultError where the stored runs are another machine's or software's.
    """
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, RUNS)
    done = _finished_runs(read_runs(path), machine_class(Environment.of(notes_plan().location())))
    until = math.inf if minutes is None else monotonic() + minutes * 60
    total = sum(planned_runs(case, share) for case in CASES)
    for cycle in range(_CYCLES):
        missing = [
            (case, number)
            for case in CASES
            for number in range(cycle, planned_runs(case, share), _CYCLES)
            if (case.name, number) not in done
        ]
        if not missing:
            continue
        if monotonic() >= until:
            return
        baseline = _baseline(cycle)
        for case, number in missing:
            if monotonic() >= until:
                return
            run = _run(case, number, baseline)
            append_run(path, run)
            done.add((case.name, number))
            if on_run is not None:
                on_run(run, len(done), max(len(done), total))


def _finished_runs(runs: Sequence[GateRun], machine: str) -> set[tuple[str, int]]:
    others = {run.machine for run in runs} - {machine}
    if others:
        raise ResultError(
            f"the stored runs are of {min(others)}, this is {machine}; runs of two machines make no proof: "
            "name another directory"
        )
    return {(run.case, run.number) for run in runs}


def _baseline(cycle: int) -> Baseline:
    plan = notes_plan(seed=1 + cycle)
    with Ground.of(plan) as ground:
        machine, measurement, damage = measure_storm(plan, ground)
    if measurement is None:
        raise StormError(f"{_STORM}: {damage}; there is nothing to measure the gate by")
    return Baseline().with_measurements({_STORM: {machine: measurement}})


def _run(case: Case, number: int, baseline: Baseline) -> GateRun:
    plan = notes_plan(case, seed=10_000 * (number + 1))
    environment = Environment.of(plan.location())
    with _busy_loops(case.busy), Ground.of(plan) as ground:
        started = monotonic()
        judgement = run_gate(_STORM, plan, ground, baseline)
        seconds = monotonic() - started
    return GateRun(
        case=case.name,
        number=number,
        verdict=judgement.verdict.value,
        reason=judgement.reason,
        ratios={change.name: round(change.ratio, 4) for change in judgement.changes},
        seconds=round(seconds, 2),
        machine=machine_class(environment),
        load_1m=environment.load_1m,
    )


@contextmanager
def _busy_loops(count: int) -> Iterator[None]:
    """So many processes that do nothing but run, while the block does; they die with it."""
    if not count:
        yield
        return
    with Group([Call.plain(_spin) for _ in range(count)], deadline_s=_BUSY_PATIENCE_S) as group:
        group.wait_until_ready()
        group.release()
        yield


def _spin() -> None:
    while True:
        pass
