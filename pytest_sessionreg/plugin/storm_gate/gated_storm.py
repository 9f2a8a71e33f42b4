"""One storm of a test: run as asked, held to its budget, and judged by the gate."""

from __future__ import annotations

import os
import re
import warnings
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol
from zlib import crc32

from ...error_base import StormError
from ...gate.baseline import Baseline
from ...gate.gate import measure_storm, run_gate
from ...gate.pairs import Ground
from ...results.causes import likeliest_causes
from ...results.environment import Environment
from ...results.limits import Budget, BudgetExceeded, check_limits, describe_storm
from ...results.result import StormResult, StormRun
from ...results.rounds import Rounds
from ...storm.interruption import StormInterrupted, WorkloadFailed
from ...storm.plan import Plan
from ...storm.rounds import run_rounds
from ...storm.turn import storm_turn
from .options import StormOptions
from .record import StormRecord

__all__ = ["RunStorm", "apply_budget", "run_gated_storm", "scale_plan"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's


class RunStorm(Protocol):
    """Runs the rounds of a storm."""

    def __call__(self, plan: Plan, rounds: int, /) -> Rounds:
        """The rounds of `plan`."""


def run_gated_storm(
    name: str, plan: Plan, rounds: int, options: StormOptions, baseline: Baseline
) -> tuple[Rounds, StormRecord]:
    """The rounds of the storm called `name`, and its record without what the budget says. Raises what run_rounds
    raises.
    """
    plan = scale_plan(plan, options.scale)
    with ExitStack() as stack:
        stack.enter_context(storm_turn())
        # before the storm, while the file is still as the test made it
        ground = stack.enter_context(Ground.of(plan)) if options.judges or options.update else None
        try:
            found = run_rounds(plan, rounds)
        except (StormInterrupted, WorkloadFailed) as error:
            _write_report(name, plan, (error.run,), options)
            raise
        unreported = _write_report(name, plan, found.runs, options)
        record = StormRecord(
            name=name,
            writes=sum(run.counts.attempted for run in found),
            lost=found.lost,
            given_up=sum(run.counts.exhausted for run in found),
            unreported=unreported,
        )
        if ground is None:
            return found, record
        if options.update:
            machine, measurement, damage = measure_storm(plan, ground, seen=found.runs, scale=options.scale)
            measured = None if measurement is None else (machine, measurement)
            return found, replace(record, measured=measured, refused=damage)
        judgement = run_gate(name, plan, ground, baseline, seen=found.runs, scale=options.scale)
        return found, replace(record, judgement=judgement)


def apply_budget(record: StormRecord, found: Rounds, budget: Budget, *, strict: bool) -> StormRecord:
    """`record` with what `budget` says of `found`. strict: whether a limit without a figure is no pass."""
    finding = check_limits(found.runs, budget)
    over = None
    if finding.breaches:
        over = str(BudgetExceeded(describe_storm(found[0]), finding.breaches, likeliest_causes(found.runs)))
    elif strict and finding.unchecked:
        over = f"{describe_storm(found[0])}: {'; '.join(finding.unchecked)}"
    return replace(record, over=over, unchecked=() if strict else finding.unchecked)


def scale_plan(plan: Plan, scale: float) -> Plan:
    """`plan`, `scale` times as long."""
    if scale == 1:
        return plan
    if plan.duration_s is not None:
        return replace(plan, duration_s=max(plan.duration_s * scale, 0.001))
    return replace(plan, writes=max(1, round((plan.writes or 1) * scale)))


def _write_report(name: str, plan: Plan, runs: tuple[StormRun, ...], options: StormOptions) -> str | None:
    """Store the storm where a report is asked for; what that lacks, if anything."""
    if options.report is None:
        return None
    from pathlib import Path

    from ...report.storm_report import write_report

    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.")[-80:]
    directory = Path(options.report) / f"{stem}-{crc32(name.encode()):08x}"
    result = StormResult(
        environment=Environment.of(plan.location()),
        command=f"pytest {name}",
        runs=runs,
        partial=next((run.partial for run in runs if run.partial is not None), None),
    )
    try:
        with warnings.catch_warnings(action="ignore"):  # of libraries that draw: the test is not about them
            return write_report(result, directory).note
    except OSError as error:
        raise StormError(f"--storm-report {os.path.dirname(directory)}: {error}; choose another directory") from error
