"""The same write storm under each admission policy: which of them stands it, and how well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import policy_named
from pytest_sessionreg.storm.result import StormResult
from pytest_sessionreg.storm.storm import Progress, run_storm

__all__ = ["write_storm"]


def write_storm(
    plan: Plan,
    policies: Sequence[str],
    *,
    command: str,
    on_progress: Callable[[Progress], None] | None = None,
) -> StormResult:
    """Run `plan` under each of `policies` in turn; its own policy is not used. `command` is stored, to repeat it by."""
    environment = Environment.of(plan.location())
    runs = [run_storm(replace(plan, policy=policy_named(name)), on_progress) for name in policies]
    return StormResult(environment=environment, command=command, runs=tuple(runs))
