"""A stored run as a plan again."""

from __future__ import annotations

from ..error_base import StormError
from ..results.policies import policy_shown_as
from ..results.result import StormRun
from .catalogue import workload_named
from .plan import Plan
from .workload import Workload
from .workloads.function import load_function
from .workloads.statements import Statements

__all__ = ["plan_again"]


def plan_again(run: StormRun) -> Plan:
    """The plan that `run` was made by. Raises StormError where its workload or policy cannot be had again."""
    return Plan(
        policy=policy_shown_as(run.policy_parameters),
        workers=run.workers,
        writes=run.writes,
        duration_s=run.duration_s,
        hold_ms=run.hold_ms,
        think_ms=run.think_ms,
        rate_per_s=run.rate_per_s,
        seed=run.seed,
        workload=_workload(run),
        database=run.database,
    )


def _workload(run: StormRun) -> Workload:
    parameters = run.workload_parameters
    if "sql" in parameters:
        return Statements(parameters["sql"], parameters["schema"], source="the stored script")
    if "function" not in parameters:
        return workload_named(run.workload)
    if "<locals>" in parameters["function"] or "connect" in parameters:
        raise StormError(f"workload {run.workload}: was given by a test as an object; run that test again")
    return load_function(parameters["function"])
