"""The same write storm under each admission policy: which of them stands it, and how well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.processes import ProcessError
from pytest_sessionreg.registry.errors import RegistryError
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.results.result import StormResult, StormRun
from pytest_sessionreg.storm.interruption import StormInterrupted
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import Progress, run_storm

__all__ = ["PlannedStorm", "RoundProgress", "repeat_storm", "storms", "write_storm"]


@dataclass(frozen=True, slots=True)
class PlannedStorm:
    """One storm of an experiment: its plan, and which of how many rounds it belongs to."""

    plan: Plan
    round: int = 1
    rounds: int = 1


@dataclass(frozen=True, slots=True)
class RoundProgress:
    """How the experiment stands: `storm` is under way, number `number` of `storms` (from 1), in round `round` of
    `rounds`.
    """

    storm: Progress
    number: int
    storms: int
    round: int
    rounds: int


def write_storm(
    plan: Plan,
    policies: Sequence[AdmissionPolicy | str],
    *,
    command: str,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> StormResult:
    """Run `plan` under each of `policies` in turn; its own policy is not used. `command` is stored, to repeat it by.

    The result is partial where Ctrl-C, a worker or a full disk ended it (see storms).
    """
    kinds = [policy_named(policy) if isinstance(policy, str) else policy for policy in policies]
    planned = [PlannedStorm(replace(plan, policy=kind)) for kind in kinds]
    return storms(planned, command=command, on_progress=lambda progress: on_progress(progress.storm))


def storms(
    planned: Sequence[PlannedStorm], *, command: str, on_progress: Callable[[RoundProgress], None] = lambda _: None
) -> StormResult:
    """Run `planned` in turn. One that ends before its end ends them all: the result is partial, and says why.

    Raises what run_storm raises while nothing has been measured.
    """
    environment = Environment.of(planned[0].plan.location())
    runs: list[StormRun] = []
    partial: str | None = None
    try:
        for number, storm in enumerate(planned, start=1):

            def show(progress: Progress, number: int = number, storm: PlannedStorm = storm) -> None:
                on_progress(RoundProgress(progress, number, len(planned), storm.round, storm.rounds))

            runs.append(run_storm(storm.plan, show))
    except StormInterrupted as error:
        runs.append(error.run)
        partial = str(error)
    except (StormError, RegistryError, ProcessError, KeyboardInterrupt) as error:
        if not runs:
            raise
        partial = str(error) or "interrupted"
    numbered = zip(runs, planned, strict=False)  # fewer runs, if it was cut short
    return StormResult(
        environment=environment,
        command=command,
        runs=tuple(replace(run, round=storm.round, rounds=storm.rounds) for run, storm in numbered),
        partial=partial,
    )


def repeat_storm(
    stored: StormResult, plans: Sequence[Plan], *, on_progress: Callable[[RoundProgress], None] = lambda _: None
) -> StormResult:
    """Run `plans`, which are those of the runs of `stored`, again; the rounds keep their numbers."""
    planned = [PlannedStorm(plan, run.round, run.rounds) for plan, run in zip(plans, stored.runs, strict=True)]
    return storms(planned, command=stored.command, on_progress=on_progress)
