"""The same write storm under each admission policy: which of them stands it, and how well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pytest_sessionreg.processes import ProcessError
from pytest_sessionreg.registry.admission.policy import AdmissionPolicy
from pytest_sessionreg.registry.errors import RegistryError
from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.interruption import StormInterrupted
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import policy_named
from pytest_sessionreg.storm.result import Run, StormResult
from pytest_sessionreg.storm.storm import Progress, run_storm

__all__ = ["repeat_storm", "storms", "write_storm"]


def write_storm(
    plan: Plan,
    policies: Sequence[AdmissionPolicy | str],
    *,
    command: str,
    on_progress: Callable[[Progress], None] | None = None,
) -> StormResult:
    """Run `plan` under each of `policies` in turn; its own policy is not used. `command` is stored, to repeat it by.

    The result is partial where Ctrl-C, a worker or a full disk ended it (see storms).
    """
    kinds = [policy_named(policy) if isinstance(policy, str) else policy for policy in policies]
    return storms([replace(plan, policy=kind) for kind in kinds], command=command, on_progress=on_progress)


def storms(
    plans: Sequence[Plan], *, command: str, on_progress: Callable[[Progress], None] | None = None
) -> StormResult:
    """Run `plans` in turn. One that ends before its end ends them all: the result is partial, and says why.

    Raises what run_storm raises while nothing has been measured.
    """
    environment = Environment.of(plans[0].location())
    runs: list[Run] = []
    partial: str | None = None
    try:
        for plan in plans:
            runs.append(run_storm(plan, on_progress))  # noqa: PERF401  what was run so far is kept
    except StormInterrupted as error:
        runs.append(error.run)
        partial = str(error)
    except (StormError, RegistryError, ProcessError, KeyboardInterrupt) as error:
        if not runs:
            raise
        partial = str(error) or "interrupted"
    return StormResult(environment=environment, command=command, runs=tuple(runs), partial=partial)


def repeat_storm(
    stored: StormResult, plans: Sequence[Plan], *, on_progress: Callable[[Progress], None] | None = None
) -> StormResult:
    """Run `plans`, which are those of the runs of `stored`, again; the rounds keep their numbers."""
    again = storms(plans, command=stored.command, on_progress=on_progress)
    numbered = zip(again.runs, stored.runs, strict=False)  # fewer, if it is cut short
    return replace(again, runs=tuple(replace(run, round=old.round, rounds=old.rounds) for run, old in numbered))
