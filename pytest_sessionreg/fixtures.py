"""The fixtures: a registry of its own, real worker processes, write storms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from .registry import Registry

if TYPE_CHECKING:
    from .registry.admission.policy import AdmissionPolicy
    from .storm.result import Run

__all__ = ["StormFixture", "Workers", "session_registry", "session_registry_path", "storm", "workers"]


class _Index:
    """Stands for a worker's own number in the arguments of `workers.run`."""

    def __repr__(self) -> str:
        return "workers.index"


class Workers:
    """The fixture `workers`: runs a function in real processes.

    `workers.index`, given as an argument, reaches each worker as its own number, from 0.
    """

    index = _Index()

    def __init__(self, module: ModuleType | None) -> None:
        self._module = module

    def run(self, function: Callable[..., Any], count: int, *arguments: Any, timeout: float = 30) -> list[Any]:
        """Call `function(*arguments)` in `count` processes that start at one gate; their results, in the workers'
        order.

        The function may be defined inside the test, or be a lambda. timeout: seconds for everything. Raises
        WorkerFailed with the worker's own traceback, WorkerDied, or DeadlinePassed; no process is left in any case.
        """
        from .processes import Call, Group

        if type(count) is not int or count < 1:
            raise ValueError(f"count={count!r}: must be a whole number of workers, at least 1")
        calls = [
            Call.plain(function, *(worker if argument is self.index else argument for argument in arguments))
            for worker in range(count)
        ]
        with Group(calls, deadline_s=timeout, by_value=self._module) as group:
            return group.run()


class StormFixture(Protocol):
    """The fixture `storm`."""

    def __call__(
        self,
        *,
        policy: AdmissionPolicy | str = "queue",
        workers: int = 8,
        writes: int | None = None,
        duration_s: float | None = None,
        hold_ms: float = 2.0,
        think_ms: float = 20.0,
        seed: int = 1,
        workload: str = "heartbeat",
        database: str | Path | None = None,
    ) -> Run:
        """Run a write storm. policy: one of the policies, or its name. writes: per worker, 30 unless duration_s is
        given.
        """


@pytest.fixture
def session_registry_path(tmp_path: Path) -> Path:
    """Where the test's own registry lies; no file is there until somebody opens it."""
    return tmp_path / "sessions.db"


@pytest.fixture
def session_registry(session_registry_path: Path) -> Iterator[Registry]:
    """An open registry on a temporary database of the test's own."""
    with Registry.open(session_registry_path) as registry:
        yield registry


@pytest.fixture
def workers(request: pytest.FixtureRequest) -> Workers:
    """Real worker processes: `workers.run(function, count, *arguments, timeout=30)`."""
    return Workers(getattr(request, "module", None))


@pytest.fixture
def storm() -> StormFixture:
    """A write storm: `storm(policy="queue", workers=8, writes=30).lost == 0`."""

    def run(
        *,
        policy: AdmissionPolicy | str = "queue",
        workers: int = 8,
        writes: int | None = None,
        duration_s: float | None = None,
        hold_ms: float = 2.0,
        think_ms: float = 20.0,
        seed: int = 1,
        workload: str = "heartbeat",
        database: str | Path | None = None,
    ) -> Run:
        from .storm.plan import Plan
        from .storm.policies import policy_named
        from .storm.storm import run_storm

        plan = Plan(
            policy=policy_named(policy) if isinstance(policy, str) else policy,
            workers=workers,
            writes=30 if writes is None and duration_s is None else writes,
            duration_s=duration_s,
            hold_ms=hold_ms,
            think_ms=think_ms,
            seed=seed,
            workload=workload,
            database=None if database is None else str(database),
        )
        return run_storm(plan)

    return run
