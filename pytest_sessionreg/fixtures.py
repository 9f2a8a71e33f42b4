"""The fixtures: a registry of its own, real worker processes, write storms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .registry import Registry
from .storm_fixture import StormFixture

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
def storm(request: pytest.FixtureRequest) -> StormFixture:
    """A write storm: `storm("mixed", policy="queue", workers=8, writes=30).lost == 0`, or `storm(function, ...)`."""
    return StormFixture(getattr(request, "module", None))
