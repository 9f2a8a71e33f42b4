"""The fixture `storm`: a write storm in one line of a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, overload

if TYPE_CHECKING:
    from .registry.admission.policy import AdmissionPolicy
    from .storm.plan import Plan
    from .storm.result import Run
    from .storm.rounds import Rounds
    from .storm.workload import Workload

__all__ = ["Conduct", "StormFixture"]

_THINK_MS = 20.0


class Conduct(Protocol):
    """Runs the rounds of a storm."""

    def __call__(self, plan: Plan, rounds: int, /) -> Rounds:
        """The rounds of `plan`."""


class StormFixture:
    """The fixture `storm`: call it to run a write storm; its result, or with `rounds` those of all rounds.

    workload: a built-in's name, "module:function", or a function of the test's own, called as function(connection,
    worker, sequence) inside a transaction that the storm begins and commits, or as function(path, worker, sequence)
    where it does everything itself: told by the name of its first parameter. policy: one of the policies, or its
    name, by default the queue; none with a path. writes: per worker, 30 unless duration_s is given. hold_ms: slept
    inside each transaction, 2 by default, nothing with a path. think_ms: mean pause before each write, 20 by
    default. rate: instead of pauses, writes per second over all workers on a fixed schedule. connect: returns the
    connection for a path; any that is compatible with sqlite3's. prepare: called with the path before the workers
    start. acknowledged: called with it afterwards; returns the (worker, sequence) of every write in the database.
    database: the file, by default a fresh one. timeout: seconds after which workers that are not done are killed.
    rounds: how often to run it; round k has the seed `seed + k - 1`.

    Raises StormInterrupted when the storm ends before its end, and WorkloadFailed when the test's own function
    raised anything but a busy error; both carry the result as `run`.
    """

    def __init__(self, module: ModuleType | None, conduct: Conduct | None = None) -> None:
        self._module = None if module is None else module.__name__
        self._conduct = conduct or _by_itself

    @overload
    def __call__(
        self,
        workload: str | Callable[..., object] | Workload = "heartbeat",
        *,
        policy: AdmissionPolicy | str | None = None,
        workers: int = 8,
        writes: int | None = None,
        duration_s: float | None = None,
        hold_ms: float | None = None,
        think_ms: float | None = None,
        rate: float | None = None,
        rounds: None = None,
        seed: int = 1,
        connect: Callable[[str], Any] | None = None,
        prepare: Callable[[str], object] | None = None,
        acknowledged: Callable[[str], Iterable[tuple[int, int]]] | None = None,
        database: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
    ) -> Run: ...

    @overload
    def __call__(
        self,
        workload: str | Callable[..., object] | Workload = "heartbeat",
        *,
        policy: AdmissionPolicy | str | None = None,
        workers: int = 8,
        writes: int | None = None,
        duration_s: float | None = None,
        hold_ms: float | None = None,
        think_ms: float | None = None,
        rate: float | None = None,
        rounds: int,
        seed: int = 1,
        connect: Callable[[str], Any] | None = None,
        prepare: Callable[[str], object] | None = None,
        acknowledged: Callable[[str], Iterable[tuple[int, int]]] | None = None,
        database: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
    ) -> Rounds: ...

    def __call__(
        self,
        workload: str | Callable[..., object] | Workload = "heartbeat",
        *,
        policy: AdmissionPolicy | str | None = None,
        workers: int = 8,
        writes: int | None = None,
        duration_s: float | None = None,
        hold_ms: float | None = None,
        think_ms: float | None = None,
        rate: float | None = None,
        rounds: int | None = None,
        seed: int = 1,
        connect: Callable[[str], Any] | None = None,
        prepare: Callable[[str], object] | None = None,
        acknowledged: Callable[[str], Iterable[tuple[int, int]]] | None = None,
        database: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
    ) -> Run | Rounds:
        """Run the storm (see the class)."""
        __tracebackhide__ = True
        from .storm.plan import Plan
        from .storm.workloads.function import given

        chosen = given(workload, connect=connect, prepare=prepare, acknowledged=acknowledged, module=self._module)
        plan = Plan.of(
            chosen,
            policy=policy,
            workers=workers,
            writes=writes,
            duration_s=duration_s,
            hold_ms=hold_ms,
            think_ms=think_ms if think_ms is not None or rate is not None else _THINK_MS,
            rate_per_s=rate,
            seed=seed,
            database=None if database is None else os.fspath(database),
            timeout_s=timeout,
        )
        found = self._conduct(plan, 1 if rounds is None else rounds)
        return found[0] if rounds is None else found


def _by_itself(plan: Plan, rounds: int, /) -> Rounds:
    from .storm.rounds import run_rounds
    from .storm.turn import storm_turn

    with storm_turn():
        return run_rounds(plan, rounds)
