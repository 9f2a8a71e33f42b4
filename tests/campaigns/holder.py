"""A process that holds the write lock until its gate opens."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns

from pytest_sessionreg.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue

__all__ = ["hold"]


def hold(database: str) -> Callable[[], tuple[int, int]]:
    """Be admitted, and return what commits; its result is the instants of BEGIN and of COMMIT's return."""
    registry = Registry.open(database, policy=WriteQueue(patience=30))
    transaction = registry.transaction()
    transaction.__enter__()
    begun_ns = monotonic_ns()

    def release() -> tuple[int, int]:
        transaction.__exit__(None, None, None)
        ended_ns = monotonic_ns()
        registry.close()
        return begun_ns, ended_ns

    return release
