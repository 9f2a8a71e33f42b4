"""The same load under every policy, in interleaved rounds: which is better, by how much, and how sure that is."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.comparison import CONTROL
from pytest_sessionreg.results.policies import Own, policy_named
from pytest_sessionreg.results.result import StormResult
from pytest_sessionreg.storm.plan import Plan

from .storm.experiment import PlannedStorm, RoundProgress, storms

__all__ = ["MOST_ROUNDS", "compare_policies", "with_control"]

# A typing error should not keep a machine busy for a week.
MOST_ROUNDS = 1000


def compare_policies(
    plan: Plan,
    policies: Sequence[AdmissionPolicy],
    *,
    rounds: int = 5,
    command: str,
    on_progress: Callable[[RoundProgress], None] = lambda _: None,
) -> StormResult:
    """Run `plan` under each of `policies` and under the control, plain busy-timeout, in each of `rounds` rounds.

    Storms of one round follow each other, in an order that the plan's seed shuffles anew for each, so that whatever
    else the machine does meets all of them alike. Round r draws its think times from seed + r - 1, the same for every
    policy. The plan's own policy is not used; `command` is stored, to repeat it by. Runs are in the order in which they
    ran.

    The result is partial where Ctrl-C or a storm that cannot go on ended it (see storms). Raises what ended it where
    nothing was measured, and StormError for a number of rounds or for policies that make no experiment.
    """
    if not 1 <= rounds <= MOST_ROUNDS:
        raise StormError(f"rounds={rounds}: must be between 1 and {MOST_ROUNDS}")
    every = with_control(policies)
    planned = [
        PlannedStorm(replace(plan, policy=policy, seed=plan.seed + number - 1), number, rounds)
        for number in range(1, rounds + 1)
        for policy in _shuffled(every, plan.seed, number)
    ]
    return storms(planned, command=command, on_progress=on_progress)


def with_control(policies: Sequence[AdmissionPolicy]) -> tuple[AdmissionPolicy, ...]:
    """`policies`, and the control unless it is among them. Raises StormError where two have the same name, and where
    one stands for a workload that no policy admits.
    """
    names = [policy.name for policy in policies]
    if Own.name in names:
        raise StormError(
            "the workload does its own transactions, so there are no policies to compare; "
            "let the function take a connection, or run it once with sessionreg storm"
        )
    for name in names:
        if names.count(name) > 1:
            raise StormError(f"policy {name} is given {names.count(name)} times; rounds are told apart by its name")
    return tuple(policies) if CONTROL in names else (*policies, policy_named(CONTROL))


def _shuffled(policies: Sequence[AdmissionPolicy], seed: int, number: int) -> list[AdmissionPolicy]:
    order = list(policies)
    random.Random(f"{seed}/{number}/order").shuffle(order)
    return order
