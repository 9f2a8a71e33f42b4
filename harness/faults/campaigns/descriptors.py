"""No descriptor is left (EMFILE).

In a waiter, in the holder, at open; and what happens when there are some again. RLIMIT_NOFILE is lowered, and all but a
few descriptors are taken. Asked: nothing acknowledged is lost, a registry that is open already can write, an open that
fails raises CannotOpen, and all is as before once descriptors are back.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic_ns

from pytest_sessionreg.registry import Registry, RegistryError
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.registry.transaction import Transaction
from pytest_sessionreg.storm.storm_writes import INSERT, rows

from ..line import wait_until_in_line
from ..rig import Rig
from ..seen import count_warnings
from ..setup import STORM
from .campaign import Campaign
from .spread import describe
from .waiter import prepare_holder

__all__ = ["run"]

_FEWER = 4
_LIMIT = 128
_ENOUGH = 16
_PATIENCE_S, _IMPATIENT_S = 30.0, 0.3
_COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class _Attempts:
    """What a process without descriptors saw.

    outcome: "committed" or the error's class; again: the same once descriptors were back.
    waited_ms: until the outcome.
    warned: the queue's own warnings.
    kept: whether the database holds what was acknowledged, and nothing else.
    """

    outcome: str
    again: str
    waited_ms: float
    warned: int
    kept: bool = False

    @property
    def committed(self) -> int:
        """How many of its writes were acknowledged."""
        return (self.outcome, self.again).count(_COMMITTED)


def run(campaign: Campaign, *, rounds: int = 5) -> None:
    """rounds: of each case."""

    def repeat(case: Callable[..., _Attempts], *arguments: float) -> list[_Attempts]:
        found = []
        for _ in range(rounds):
            with campaign.rig(0, deadline_s=60, preload=(__name__,)) as rig:
                campaign.check()
                found.append(case(rig, *arguments))
        return found

    for left in range(_FEWER):
        _add_finding(campaign, f"{left} descriptors left in a waiter", repeat(_starve_waiter, left, _PATIENCE_S))
    _add_refused_finding(campaign, repeat(_starve_waiter, 0, _IMPATIENT_S))
    _add_finding(campaign, "no descriptor left in the holder", repeat(_starve_holder))
    for left in range(2 * _FEWER):
        _add_finding(campaign, f"{left} descriptors left at open", repeat(_starve_opener, left), opening=True)


def _write_without(
    database: str, worker: int, left: int, patience_s: float, tried: str, *, inside: bool = False
) -> Callable[[], _Attempts]:
    """A registry that is open, and inside a transaction if `inside`; then write with only `left` descriptors to be had,
    and once more with enough. The file `tried` is there once the first write has ended.
    """
    registry = Registry.open(database, policy=WriteQueue(patience=patience_s))
    registry.sessions.list()
    warned = count_warnings()
    write = partial(_write, registry, worker, 0)
    if inside:
        write = partial(_commit, registry.transaction().__enter__(), worker)

    def run() -> _Attempts:
        restore = _take_descriptors(left)
        started_ns = monotonic_ns()
        outcome = _outcome(write)
        waited_ms = (monotonic_ns() - started_ns) / 1e6
        restore()
        with open(tried, "xb"):
            pass
        with registry.patience(_PATIENCE_S):
            again = _outcome(partial(_write, registry, worker, 1))
        registry.close()
        return _Attempts(outcome, again, waited_ms, len(warned))

    return run


def _open_without(database: str, worker: int, left: int) -> Callable[[], _Attempts]:
    """Open with only `left` descriptors to be had, and write if that succeeds; then the same with enough."""
    Registry.open(database).close()  # its modules are files, too
    warned = count_warnings()

    def attempt(sequence: int) -> str:
        opened: list[Registry] = []
        outcome = _outcome(lambda: opened.append(Registry.open(database)))
        if not opened:
            return f"{outcome} at open"
        with closing(opened[0]) as registry:
            return _outcome(partial(_write, registry, worker, sequence))

    def run() -> _Attempts:
        restore = _take_descriptors(left)
        outcome = attempt(0)
        restore()
        return _Attempts(outcome, attempt(1), 0, len(warned))

    return run


def _write(registry: Registry, worker: int, sequence: int) -> None:
    with registry.transaction() as transaction:
        transaction.execute(INSERT, (STORM, worker, sequence))


def _commit(transaction: Transaction, worker: int) -> None:
    transaction.execute(INSERT, (STORM, worker, 0))
    transaction.__exit__(None, None, None)


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except RegistryError as error:
        return type(error).__name__
    except OSError as error:
        return f"{type(error).__name__} {error.errno}"
    return _COMMITTED


def _take_descriptors(left: int) -> Callable[[], None]:
    """Leave only `left` descriptors to be had; returns what gives them back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (_LIMIT, before[1]))
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        pass  # all are taken
    for _ in range(left):
        os.close(taken.pop())

    def restore() -> None:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    return restore


def _starve_waiter(rig: Rig, left: int, patience_s: float) -> _Attempts:
    """The holder commits when the waiter is in line; ahead of an impatient one, after that was refused."""
    holder = prepare_holder(rig)
    tried = _mark(rig, 1)
    waiter = rig.start(_write_without, rig.setup.database, 1, left, patience_s, tried)
    wait_until_in_line(rig.setup.database, 1)
    if patience_s > _IMPATIENT_S:
        rig.sleep(0.05)
    else:
        while waiter.alive and not os.path.exists(tried):
            rig.sleep(0.01)
    holder.release()
    holder.result()
    return _compare(rig, waiter.result())


def _starve_holder(rig: Rig) -> _Attempts:
    holder = rig.prepare(partial(_write_without, inside=True), rig.setup.database, 1, 0, _PATIENCE_S, _mark(rig, 1))
    waiter = rig.start(_write_without, rig.setup.database, 2, _ENOUGH, _PATIENCE_S, _mark(rig, 2))
    wait_until_in_line(rig.setup.database, 1)
    holder.release()
    return _compare(rig, holder.result(), waiter.result())


def _mark(rig: Rig, worker: int) -> str:
    return os.path.join(rig.setup.scratch, f"{worker}.tried")


def _starve_opener(rig: Rig, left: int) -> _Attempts:
    return _compare(rig, rig.start(_open_without, rig.setup.database, 1, left).result())


def _compare(rig: Rig, first: _Attempts, *others: _Attempts) -> _Attempts:
    acknowledged = sum(told.committed for told in (first, *others))
    return replace(first, kept=len(rows(rig.setup.database, STORM)) == acknowledged)


def _add_finding(campaign: Campaign, fault: str, rounds: list[_Attempts], *, opening: bool = False) -> None:
    outcomes = Counter(told.outcome for told in rounds)
    again = sum(told.again == _COMMITTED for told in rounds)
    kept = sum(told.kept for told in rounds)
    warned = sum(told.warned for told in rounds)
    wanted = {_COMMITTED, "CannotOpen at open"} if opening else {_COMMITTED}
    named = ", ".join(f"{name} {times}" for name, times in outcomes.items())
    campaign.ask(
        fault,
        times=len(rounds),
        asked=f"{'CannotOpen or a write' if opening else 'the write is done'}, then all is as before",
        found=(
            f"{named}; afterwards {again} of {len(rounds)} write; {kept} kept what was acknowledged; {warned} warnings"
        ),
        good=outcomes.keys() <= wanted and again == kept == len(rounds),
    )


def _add_refused_finding(campaign: Campaign, rounds: list[_Attempts]) -> None:
    refused = sum(told.outcome == "WriteTimeout" for told in rounds)
    again = sum(told.again == _COMMITTED and told.kept for told in rounds)
    campaign.ask(
        f"no descriptor left in a waiter whose patience of {_IMPATIENT_S:g} s ends",
        times=len(rounds),
        asked="WriteTimeout; the next write is done",
        found=f"{refused} refused after {describe([told.waited_ms for told in rounds])}; {again} wrote afterwards",
        good=refused == again == len(rounds),
    )
