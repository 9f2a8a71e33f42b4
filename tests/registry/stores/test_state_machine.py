from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from pytest_sessionreg.registry import stores
from tests.registry.stores.model.agent_rules import AgentRules
from tests.registry.stores.model.dependant_rules import DependantRules
from tests.registry.stores.model.invariants import Invariants
from tests.registry.stores.model.job_rules import JobRules
from tests.registry.stores.model.log_rules import LogRules
from tests.registry.stores.model.session_rules import SessionRules
from tests.registry.stores.model.sides import DRIVEN


class Machine(SessionRules, DependantRules, AgentRules, LogRules, JobRules, Invariants):
    """Every rule and every invariant of the stores and their model."""


def test_every_store_has_a_rule() -> None:
    """Without one, the machine of that store drives nothing, and passes."""
    assert set(stores.names()) == DRIVEN


@pytest.mark.slow
@pytest.mark.parametrize("store", stores.names())
def test_a_store_does_what_a_plain_python_model_does(store: str) -> None:
    """One store at a time, beside sessions, time and transactions: so an example goes deep."""
    machine = type("One", (Machine,), {"driven": frozenset([store])})
    run_state_machine_as_test(
        machine, settings=settings(deadline=None, max_examples=12, stateful_step_count=40, database=None)
    )


@pytest.mark.slow
def test_all_stores_together_do_what_a_plain_python_model_does() -> None:
    run_state_machine_as_test(
        Machine, settings=settings(deadline=None, max_examples=15, stateful_step_count=40, database=None)
    )
