"""Clocks that are wrong.

The wall clock is set back an hour, a time namespace has another monotonic clock, the boot time moves. The wall clock is
wrong inside the writers' Python only, because the machine's is not ours to set; what psutil makes of a step is shown
with a /proc/stat whose btime is moved as the kernel moves it, in a mount namespace of our own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import monotonic, sleep

import numpy as np

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry import Registry, WriteTimeout
from pytest_sessionreg.registry.liveness import is_dead, pid_namespace, process_identity, process_start
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.registry.transaction import Transaction

from ..isolation import IsolationRefused, bind, own_mounts, shift_monotonic
from ..seen import Seen
from ..setup import Setup
from ..wall_clock import set_back
from ..writer import RegistryWriter, register_session
from ..writer_process import write_until_stopped
from .campaign import Campaign
from .overtaking import OVERTAKEN_BY_MS, overtakings_us
from .spread import describe
from .waiter import prepare_holder

__all__ = ["CASES", "run"]

CASES = ("wall clock", "boot time", "time namespace")
_WRITERS = 8
_HOUR_S = 3600
_STEPS_S = (-3600, -60, -3, -1, 1, 3, 60, 3600)
# A wall clock is wrong at every so many writes.
_STEP_EVERY = 10
# No wait of these storms comes near it, unless it waits for a clock.
_LONGEST_WAIT_US = 30e6
_PATIENCE_S = 0.5
_WAIT_BAR_MS = 500.0


@dataclass(frozen=True, slots=True)
class _StepBack:
    """The body of a transaction: at every tenth the wall clock is behind by so much, and a session is registered."""

    step_s: float

    def __call__(self, registry: Registry, transaction: Transaction, sequence: int) -> None:
        set_back(self.step_s if sequence % _STEP_EVERY == _STEP_EVERY - 1 else 0.0)
        register_session(registry, transaction, sequence)


def run(campaign: Campaign, *, seconds: float = 10.0, only: str | None = None) -> None:
    """seconds: of each storm.
    only: one clock.
    """
    if only in (None, "wall clock"):
        for step_s in (0, _HOUR_S):
            _wall_clock(campaign, step_s, seconds)
    if only in (None, "boot time"):
        _boot_time(campaign)
    if only in (None, "time namespace"):
        try:
            _time_namespace(campaign, seconds)
        except IsolationRefused as refused:
            campaign.note("another time namespace", times=0, found=str(refused))


def _wall_clock(campaign: Campaign, step_s: int, seconds: float) -> None:
    """A storm of writers whose wall clocks jump, or do not."""
    make = partial(RegistryWriter, policy=WriteQueue(patience=30, slice=0), body=_StepBack(step_s))
    with campaign.rig(_WRITERS, deadline_s=120, preload=(__name__,)) as rig:
        workers = [rig.start_writer(number, make) for number in range(_WRITERS)]
        rig.sleep(seconds)
        rig.finish(workers)
        samples = rig.samples()
        found = rig.verify()
    overtakings = len(overtakings_us(samples))
    campaign.ask(
        f"wall clocks that jump back and forth by {step_s / _HOUR_S:g} h in a storm of {_WRITERS}",
        times=found.acknowledged // (_STEP_EVERY // 2),
        asked="nothing lost, nobody refused, nobody waits for an hour",
        found=(
            f"{found}; waits {describe(samples.wait_us / 1000)}; {overtakings} overtakings by more than "
            f"{OVERTAKEN_BY_MS} ms"
        ),
        good=found.flawless and samples.wait_us.max() < _LONGEST_WAIT_US,
    )


def _time_namespace(campaign: Campaign, seconds: float) -> None:
    """Half of a storm's writers, and a waiter, have a monotonic clock an hour ahead: containers can have that."""
    with campaign.rig(_WRITERS, deadline_s=120, preload=(__name__,)) as rig:
        workers = [rig.prepare(_write, rig.setup, number, _HOUR_S * (number % 2)) for number in range(_WRITERS)]
        for worker in workers:
            worker.release()
        rig.sleep(seconds)
        rig.finish(workers)
        samples = rig.samples()
        found = rig.verify()
        prepare_holder(rig)
        deviation_ms, held_s = rig.start(_wait, rig.setup.database, _HOUR_S).result()
    apart_s = float(np.ptp(samples.started_us + samples.wait_us)) / 1e6
    campaign.ask(
        f"a storm of {_WRITERS} and a waiter of which half have a monotonic clock an hour ahead (time namespace)",
        times=len(samples),
        asked="nothing lost, nobody refused, nobody waits for a lease an hour long; patience holds",
        found=(
            f"{found}; waits {describe(samples.wait_us / 1000)}; clocks {apart_s:,.0f} s apart; a wait of "
            f"{_PATIENCE_S:g} s deviates {deviation_ms:.1f} ms, and says that the holder has held for "
            f"{held_s or 0:,.1f} s"
        ),
        good=found.flawless and samples.wait_us.max() < _LONGEST_WAIT_US and deviation_ms < _WAIT_BAR_MS,
    )


def _write(setup: Setup, worker: int, ahead_s: int) -> Callable[[], tuple[Seen, ...]]:
    if ahead_s:
        shift_monotonic(ahead_s)
    make = partial(RegistryWriter, policy=WriteQueue(patience=30, slice=0.001))
    return write_until_stopped(setup, worker, make, 0.005, seed=1)


def _wait(database: str, ahead_s: int) -> Callable[[], tuple[float, float | None]]:
    """A wait behind a holder: by how many ms it deviates, and for how long WriteTimeout says that it has held."""
    shift_monotonic(ahead_s)
    registry = Registry.open(database, policy=WriteQueue(patience=_PATIENCE_S))

    def run() -> tuple[float, float | None]:
        started = monotonic()
        try:
            registry.sessions.register("late")
        except WriteTimeout as error:
            held_s = None if error.holder is None else error.holder.held_s
            return (monotonic() - started - _PATIENCE_S) * 1000, held_s
        raise StormError(f"{database}: a writer was admitted although another holds the lock; report it")

    return run


def _boot_time(campaign: Campaign) -> None:
    called_dead = []
    for step_s in _STEPS_S:
        with campaign.rig(1, deadline_s=60, preload=(__name__,)) as rig:
            campaign.check()
            living = rig.prepare(_live)
            try:
                judge = rig.start(_look_after_step, rig.setup, living.pid, step_s)
            except IsolationRefused as refused:
                campaign.note("a step of the wall clock", times=0, found=str(refused))
                return
            dead, cleaned_up = judge.result()
            if dead or cleaned_up:
                called_dead.append(f"{timedelta(seconds=abs(step_s))} {'back' if step_s < 0 else 'forth'}")
    campaign.ask(
        "a step of the wall clock between the registering of a session and the look whether its process lives",
        times=len(_STEPS_S),
        asked="a living process is not called dead, nor its session marked as crashed by the clean-up",
        found=f"called dead after {', '.join(called_dead) or 'none'}; alive after the others",
        good=not called_dead,
    )


def _live() -> Callable[[], None]:
    return partial(sleep, 0)


def _look_after_step(setup: Setup, pid: int, step_s: int) -> Callable[[], tuple[bool, int]]:
    """After the clock stepped: is the process called dead, and how many sessions does the clean-up take for crashed."""
    started, identity = process_start(pid), process_identity(pid)
    with Registry.open(setup.database) as registry:
        registry.sessions.register("living", pid=pid)
    own_mounts()
    _step_boot_time(setup.scratch, step_s)

    def run() -> tuple[bool, int]:
        with Registry.open(setup.database) as registry:
            return is_dead(pid, started, pid_namespace(), identity), registry.cleanup().dead_sessions

    return run


def _step_boot_time(directory: str, step_s: int) -> None:
    """The kernel reckons btime as the wall clock less the time since boot: a step of the one is a step of the other."""
    with open("/proc/stat", encoding="ascii") as file:
        lines = file.read().splitlines()
    moved = [f"btime {int(line.split()[1]) + step_s}" if line.startswith("btime") else line for line in lines]
    path = os.path.join(directory, "stat")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(moved) + "\n")
    bind(path, "/proc/stat")
