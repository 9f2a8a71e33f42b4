"""RetryBudget: the common retry loop, exactly as deployed: 15 retries, each after a uniform 20 to 150 ms.

What comes of counting attempts: docs/field-failures.md#a-budget-counted-in-attempts.
"""

from __future__ import annotations

import random
from time import monotonic, sleep

from ...errors import InvalidValue, WriteTimeout
from ...parameters import Parameters, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RetryBudget"]


class RetryBudget(Parameters):
    """One attempt and at most `retries` more, each after a sleep drawn uniformly from `min_delay` to `max_delay`
    seconds.

    The numbers are those of OrchestKit's session registry: "retry up to 15x with 20-150ms jitter". An exhausted
    budget has slept 1.275 s on average and 2.25 s at most. Jitter comes from the `random` module's generator, so
    `random.seed` repeats it. Busy is every code whose primary one is 5: 5 itself, 261 (recovery), 517 (snapshot); since
    each attempt is a BEGIN IMMEDIATE of its own, 517 too runs the whole transaction again. spin: wait in a loop that
    keeps the processor busy, as OrchestKit's synchronous JavaScript does (default: sleep); the policy's name is
    "budget-spin" then.
    """

    __slots__ = ("retries", "min_delay", "max_delay", "spin")  # noqa: RUF023  the order in which they are given

    def __init__(
        self, retries: int = 15, min_delay: float = 0.020, max_delay: float = 0.150, *, spin: bool = False
    ) -> None:
        self._set(
            retries=at_least(0, retries, "retries", whole=True),
            min_delay=at_least(0, min_delay, "min_delay"),
            max_delay=at_least(min_delay, max_delay, "max_delay"),
            spin=bool(spin),
        )

    retries: int
    min_delay: float
    max_delay: float
    spin: bool

    @property
    def name(self) -> str:
        """The policy's name."""
        return "budget-spin" if self.spin else "budget"

    def bind(self, database: str) -> _Bound:
        """The budget at work on the file `database`."""
        return _Bound(self, database)


class _Bound:
    __slots__ = ("_database", "_policy")
    busy_timeout_s = 0.0

    def __init__(self, policy: RetryBudget, database: str) -> None:
        self._policy = policy
        self._database = database

    def admit(self, begin: Callable[[], bool], patience_s: float | None = None) -> int:
        if patience_s is not None:
            raise InvalidValue(
                "patience", patience_s, "a retry budget counts attempts, not seconds; use WriteQueue or FixedInterval"
            )
        if begin():
            return 0
        policy = self._policy
        started = monotonic()
        for busy in range(1, policy.retries + 1):
            delay_s = random.uniform(policy.min_delay, policy.max_delay)
            if policy.spin:
                _spin(delay_s)
            else:
                sleep(delay_s)
            if begin():
                return busy
        waited_s = monotonic() - started
        raise WriteTimeout(
            f"{self._database}: the write lock stayed busy through {policy.retries} retries ({waited_s:.2f} s); "
            "nothing was written: try again, or use WriteQueue, which waits its turn",
            database=self._database,
            waited_s=waited_s,
            busy=policy.retries + 1,
            phase="begin",
        )

    def leave(self) -> None:
        pass

    def close(self) -> None:
        pass


def _spin(seconds: float) -> None:
    until = monotonic() + seconds
    while monotonic() < until:
        pass
