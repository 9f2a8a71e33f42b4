from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from pytest_sessionreg import BusyTimeout, FixedInterval, Registry, RetryBudget, WriteQueue, WriteTimeout
from pytest_sessionreg.registry.errors import InvalidValue


@pytest.mark.parametrize("policy", [WriteQueue(), FixedInterval()])
def test_a_transaction_and_a_block_have_a_patience_of_their_own(database: str, policy: Any) -> None:
    with Registry.open(database) as holder, Registry.open(database, policy=policy) as registry:
        with holder.transaction():
            for wait in (
                lambda: registry.transaction(patience=0.05).__enter__(),
                lambda: _register_within(registry, 0.05),
            ):
                started = monotonic()
                with pytest.raises(WriteTimeout) as caught:
                    wait()
                assert 0.05 <= caught.value.waited_s <= monotonic() - started
        with registry.transaction(patience=120):
            registry.sessions.register("one")
        assert registry.sessions.get("one") is not None


def _register_within(registry: Registry, seconds: float) -> None:
    with registry.patience(seconds):
        registry.sessions.register("one")


def test_blocks_nest_and_the_policys_patience_comes_back(database: str) -> None:
    with (
        Registry.open(database) as holder,
        Registry.open(database, policy=WriteQueue(patience=0.2)) as registry,
        holder.transaction(),
    ):
        with registry.patience(120), registry.patience(0.01), pytest.raises(WriteTimeout) as inner:
            registry.sessions.register("one")
        assert inner.value.waited_s < 120
        with pytest.raises(WriteTimeout) as outer:
            registry.sessions.register("one")
        assert outer.value.waited_s >= 0.2


@pytest.mark.parametrize("policy", [RetryBudget(), BusyTimeout()])
def test_a_policy_that_does_not_count_in_seconds_refuses(database: str, policy: Any) -> None:
    with (
        Registry.open(database, policy=policy) as registry,
        pytest.raises(InvalidValue, match="use WriteQueue or FixedInterval"),
        registry.transaction(patience=1),
    ):
        pass


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "5", True, None])
def test_a_patience_that_is_no_number_of_seconds_is_refused(session_registry: Registry, value: Any) -> None:
    attempts: list[Callable[[], object]] = [lambda: session_registry.patience(value)]
    if value is not None:
        attempts.append(lambda: session_registry.transaction(patience=value))
    for attempt in attempts:
        with pytest.raises(InvalidValue, match="finite number of seconds"):
            attempt()
