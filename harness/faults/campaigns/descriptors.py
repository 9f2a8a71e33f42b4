"""No descriptor left (EMFILE): in a waiter, in the holder, at open; and what happens when there are some again.

RLIMIT_NOFILE is lowered, and all but a few descriptors are taken. Asked: nothing acknowledged is lost, a registry that
is open already can write, an open that fails raises CannotOpen, and all is as before once descriptors are back.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

from pytest_sessionreg.registry import Registry, RegistryError
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
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
_IMPATIENT_S = 0.3
_COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class _Told:
    """What a process without descriptors saw.

    outcome: "committed" or the error's class; again: the same once descriptors were back.
    waited_ms: until BEGIN or the error.
    warned: the queue's own warnings.
    """

    outcome: str
    again: str
    waited_ms: float
    warned: int

    @property
    def committed(self) -> int:
        """How many of its writes were acknowledged."""
        return (self.outcome, self.again).count(_COMMITTED)


@dataclass(frozen=True, slots=True)
class _Round:
    """told: by the process. kept: whether what it was told is committed is there, and nothing else."""

    told: _Told
    kept: bool


def run(campaign: Campaign, *, rounds: int) -> None:
    """rounds: of each case."""
    for left in range(_FEWER):
        every = [_starve_waiter(campaign, left, 30) for _ in range(rounds)]
        _tell(campaign, f"{left} descriptors left in a waiter", every)
    _tell_refused(campaign, [_starve_waiter(campaign, 0, _IMPATIENT_S) for _ in range(rounds)])
    _tell(campaign, "no descriptor left in the holder", [_starve_holder(campaign) for _ in range(rounds)])
    for left in range(2 * _FEWER):
        every = [_starve_opener(campaign, left) for _ in range(rounds)]
        _tell(campaign, f"{left} descriptors left at open", every, opening=True)


def _wait_without(database: str, worker: int, left: int, patience_s: float) -> Callable[[], _Told]:
    """Open, then wait in line with only `left` descriptors to be had."""
    registry = Registry.open(database, policy=WriteQueue(patience=patience_s))
    registry.sessions.list()
    warned = count_warnings()

    def run() -> _Told:
        restore = _take_descriptors(left)
        started_ns = monotonic_ns()
        outcome = _write(registry, worker, 0)
        waited_ms = (monotonic_ns() - started_ns) / 1e6
        restore()
        again = _write(registry, worker, 1)
        registry.close()
        return _Told(outcome, again, waited_ms, len(warned))

    return run


def _hold_without(database: str, worker: int) -> Callable[[], _Told]:
    """Be inside, with no descriptor left, and commit once released."""
    registry = Registry.open(database, policy=WriteQueue(patience=30))
    warned = count_warnings()
    transaction = registry.transaction()
    transaction.__enter__()
    restore = _take_descriptors(0)

    def run() -> _Told:
        try:
            transaction.execute(INSERT, (STORM, worker, 0))
            transaction.__exit__(None, None, None)
            outcome = _COMMITTED
        except RegistryError as error:
            outcome = type(error).__name__
        restore()
        again = _write(registry, worker, 1)
        registry.close()
        return _Told(outcome, again, 0, len(warned))

    return run


def _open_without(database: str, worker: int, left: int) -> Callable[[], _Told]:
    """Open with only `left` descriptors to be had, and write if that succeeds; then the same with enough."""
    Registry.open(database).close()  # its modules are files, too
    warned = count_warnings()

    def run() -> _Told:
        restore = _take_descriptors(left)
        outcome = _open_and_write(database, worker, 0)
        restore()
        return _Told(outcome, _open_and_write(database, worker, 1), 0, len(warned))

    return run


def _open_and_write(database: str, worker: int, sequence: int) -> str:
    try:
        registry = Registry.open(database)
    except RegistryError as error:
        return f"{type(error).__name__} at open"
    except OSError as error:
        return f"{type(error).__name__} {error.errno} at open"
    outcome = _write(registry, worker, sequence)
    registry.close()
    return outcome


def _write(registry: Registry, worker: int, sequence: int) -> str:
    try:
        with registry.transaction() as transaction:
            transaction.execute(INSERT, (STORM, worker, sequence))
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


def _rig(campaign: Campaign) -> Rig:
    return campaign.rig(0, deadline_s=60, preload=(__name__,))


def _starve_waiter(campaign: Campaign, left: int, patience_s: float) -> _Round:
    """The holder commits when the waiter is in line; ahead of an impatient one, in the middle of its second wait."""
    with _rig(campaign) as rig:
        holder = prepare_holder(rig)
        waiter = rig.start(_wait_without, rig.setup.database, 1, left, patience_s)
        if patience_s > _IMPATIENT_S:
            wait_until_in_line(rig.setup.database, 1)
            rig.sleep(0.05)
        else:
            rig.sleep(1.5 * patience_s)
        holder.release()
        holder.result()
        return _compare(rig, waiter.result())


def _starve_holder(campaign: Campaign) -> _Round:
    with _rig(campaign) as rig:
        holder = rig.prepare(_hold_without, rig.setup.database, 1)
        waiter = rig.start(_wait_without, rig.setup.database, 2, _ENOUGH, 30)
        wait_until_in_line(rig.setup.database, 1)
        holder.release()
        return _compare(rig, holder.result(), waiter.result())


def _starve_opener(campaign: Campaign, left: int) -> _Round:
    with _rig(campaign) as rig:
        campaign.check()
        return _compare(rig, rig.start(_open_without, rig.setup.database, 1, left).result())


def _compare(rig: Rig, *told: _Told) -> _Round:
    kept = len(rows(rig.setup.database, STORM)) == sum(each.committed for each in told)
    return _Round(told[0], kept)


def _tell(campaign: Campaign, fault: str, rounds: list[_Round], *, opening: bool = False) -> None:
    outcomes = Counter(each.told.outcome for each in rounds)
    again = sum(each.told.again == _COMMITTED for each in rounds)
    kept = sum(each.kept for each in rounds)
    warned = sum(each.told.warned for each in rounds)
    wanted = all(name == _COMMITTED or (opening and name == "CannotOpen at open") for name in outcomes)
    named = ", ".join(f"{name} {times}" for name, times in outcomes.items())
    campaign.ask(
        fault,
        times=len(rounds),
        asked=f"{'CannotOpen or a write' if opening else 'the write is done'}, then all is as before",
        found=(
            f"{named}; afterwards {again} of {len(rounds)} write; {kept} kept what was acknowledged; {warned} warnings"
        ),
        good=wanted and again == kept == len(rounds),
    )


def _tell_refused(campaign: Campaign, rounds: list[_Round]) -> None:
    refused = sum(each.told.outcome == "WriteTimeout" for each in rounds)
    again = sum(each.told.again == _COMMITTED and each.kept for each in rounds)
    waited_ms = [each.told.waited_ms for each in rounds]
    campaign.ask(
        f"no descriptor left in a waiter whose patience of {_IMPATIENT_S:g} s ends",
        times=len(rounds),
        asked="WriteTimeout; the next write is done",
        found=f"{refused} refused after {describe(waited_ms)}; {again} wrote afterwards",
        good=refused == again == len(rounds),
    )
