"""Whether the gate can be believed: how often it cries wolf, and how often it misses one."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from pytest_sessionreg.gate import measure_storm, run_gate
from pytest_sessionreg.processes import Call, Group
from pytest_sessionreg.storm.baseline import Baseline
from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.errors import ResultError, StormError
from pytest_sessionreg.storm.judgement import Verdict
from pytest_sessionreg.storm.measurement import machine_class
from pytest_sessionreg.storm.pairs import Ground

from .gate_cases import CASES, Case, notes_plan

__all__ = ["GateRun", "Standing", "prove", "read_runs", "standings"]

_RUNS = "runs.jsonl"
_STORM = "notes"
# A baseline is measured anew in each of so many cycles: its own luck is part of the proof.
_CYCLES = 20
_BUSY_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class GateRun:
    """One run of the gate. case: its name; number: from 0 within the case. verdict, reason: the gate's. ratios: per
    measure how many times worse. seconds: what it took. machine: see machine_class. load_1m: load average before it.
    """

    case: str
    number: int
    verdict: str
    reason: str
    ratios: dict[str, float]
    seconds: float
    machine: str
    load_1m: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A case so far. wrong: runs with the wrong verdict. longest_s: of its runs. holds: whether no more were wrong than
    tolerated; None while runs are missing that could still change it.
    """

    case: Case
    runs: int
    verdicts: dict[str, int]
    wrong: int
    longest_s: float
    holds: bool | None


def prove(directory: str, *, share: float = 1.0, on_run: Callable[[GateRun], None] | None = None) -> None:
    """Run what is missing of the proof in `directory`; each run is stored as soon as it is done, so that a proof may be
    interrupted, and continued by starting it again. share: of the whole number of runs, at least one of each case.

    Raises ResultError where the stored runs are another machine's or software's.
    """
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, _RUNS)
    done = _done(read_runs(path), machine_class(Environment.of(notes_plan().location())))
    for cycle in range(_CYCLES):
        missing = [
            (case, number)
            for case in CASES
            for number in range(cycle, math.ceil(case.runs * share), _CYCLES)
            if (case.name, number) not in done
        ]
        if not missing:
            continue
        baseline = _baseline(cycle)
        for case, number in missing:
            run = _run(case, number, baseline)
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(run), sort_keys=True) + "\n")
            if on_run is not None:
                on_run(run)


def read_runs(path: str) -> list[GateRun]:
    """The stored runs; a last line that was cut off is dropped from the file. Raises ResultError for anything else."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        with open(path, "r+b") as file:
            file.truncate(len(whole))
    try:
        return [GateRun(**entry) for entry in _entries(whole)]
    except (ValueError, TypeError) as error:
        raise ResultError(f"{path}: no runs of a gate's proof ({error}); name another directory") from None


def standings(runs: Sequence[GateRun], *, share: float = 1.0) -> list[Standing]:
    """How each case stands after `runs`; share: of the whole number of runs that the proof is asked for."""
    found = []
    for case in CASES:
        own = [run for run in runs if run.case == case.name]
        verdicts: dict[str, int] = {}
        for run in own:
            verdicts[run.verdict] = verdicts.get(run.verdict, 0) + 1
        regressed = verdicts.get(Verdict.REGRESSED.value, 0)
        wrong = len(own) - regressed if case.regressed else regressed
        complete = len(own) >= math.ceil(case.runs * share)
        found.append(
            Standing(
                case=case,
                runs=len(own),
                verdicts=verdicts,
                wrong=wrong,
                longest_s=max((run.seconds for run in own), default=0.0),
                holds=False if wrong > case.tolerated else True if complete else None,
            )
        )
    return found


def _entries(text: bytes) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        yield json.loads(line)


def _done(runs: Sequence[GateRun], machine: str) -> set[tuple[str, int]]:
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
        group.open_gate()
        yield


def _spin() -> None:
    while True:
        pass
