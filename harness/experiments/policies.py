"""The same load under every policy, in interleaved rounds: which is better, by how much, and how sure that is."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pytest_sessionreg.processes import ProcessError
from pytest_sessionreg.registry.admission.policy import AdmissionPolicy
from pytest_sessionreg.registry.errors import RegistryError
from pytest_sessionreg.storm.comparison import CONTROL
from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.errors import StormError
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import policy_named
from pytest_sessionreg.storm.result import Run, StormResult
from pytest_sessionreg.storm.storm import Progress, run_storm

__all__ = ["MOST_ROUNDS", "PoliciesInterrupted", "RoundProgress", "compare_policies", "with_control"]

# A typing error should not keep a machine busy for a week.
MOST_ROUNDS = 1000


class PoliciesInterrupted(StormError):
    """The experiment ended before its last round: Ctrl-C, or a storm that could not go on. `result` is what was run
    until then; its runs say how many rounds were planned. The cause is what ended it.
    """

    def __init__(self, message: str, result: StormResult) -> None:
        super().__init__(message)
        self.result = result


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


def compare_policies(
    plan: Plan,
    policies: Sequence[AdmissionPolicy],
    *,
    rounds: int = 5,
    command: str,
    on_progress: Callable[[RoundProgress], None] | None = None,
) -> StormResult:
    """Run `plan` under each of `policies` and under the control, plain busy-timeout, in each of `rounds` rounds.

    Storms of one round follow each other, in an order that the plan's seed shuffles anew for each, so that whatever
    else the machine does meets all of them alike. Round r draws its think times from seed + r - 1, the same for every
    policy. The plan's own policy is not used; `command` is stored, to repeat it by. Runs are in the order in which they
    ran.

    Raises PoliciesInterrupted, which carries what was measured, when Ctrl-C or a storm that cannot go on ends it; what
    ended it where nothing was measured; and StormError for a number of rounds or for policies that make no experiment.
    """
    if not 1 <= rounds <= MOST_ROUNDS:
        raise StormError(f"rounds={rounds}: must be between 1 and {MOST_ROUNDS}")
    every = with_control(policies)
    environment = Environment.of(plan.location())
    runs: list[Run] = []
    number = 1
    try:
        for number in range(1, rounds + 1):
            for position, policy in enumerate(_shuffled(every, plan.seed, number), start=1):

                def show(progress: Progress, number: int = number, position: int = position) -> None:
                    if on_progress is not None:
                        done = (number - 1) * len(every)
                        on_progress(RoundProgress(progress, done + position, rounds * len(every), number, rounds))

                storm = replace(plan, policy=policy, seed=plan.seed + number - 1)
                runs.append(replace(run_storm(storm, show), round=number, rounds=rounds))
    except (StormError, RegistryError, ProcessError, KeyboardInterrupt) as error:
        cut_short = getattr(error, "run", None)  # what the storm itself had measured, where the error carries it
        if isinstance(cut_short, Run):
            runs.append(replace(cut_short, round=number, rounds=rounds))
        if not runs:
            raise
        result = StormResult(environment=environment, command=command, runs=tuple(runs))
        raise PoliciesInterrupted(str(error) or "interrupted", result) from error
    return StormResult(environment=environment, command=command, runs=tuple(runs))


def with_control(policies: Sequence[AdmissionPolicy]) -> tuple[AdmissionPolicy, ...]:
    """`policies`, and the control unless it is among them. Raises StormError where two have the same name."""
    names = [policy.name for policy in policies]
    for name in names:
        if names.count(name) > 1:
            raise StormError(f"policy {name} is given {names.count(name)} times; rounds are told apart by its name")
    return tuple(policies) if CONTROL in names else (*policies, policy_named(CONTROL))


def _shuffled(policies: Sequence[AdmissionPolicy], seed: int, number: int) -> list[AdmissionPolicy]:
    order = list(policies)
    random.Random(f"{seed}/{number}/order").shuffle(order)
    return order
