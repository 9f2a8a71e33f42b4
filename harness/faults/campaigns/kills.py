"""SIGKILL at random instants of a storm.

Before, inside and after a transaction, in line, in a checkpoint. Two storms of 16 writers; each that dies is replaced.
In the first, small transactions; in the second, rows of 64 KiB and a checkpoint due at every COMMIT: there each target
is stopped first, so that the kernel's lock table tells whether it was inside the checkpoint. Asked: no acknowledged
write lost, integrity_check ok, the next writer admitted within 50 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic_ns

import numpy as np

from pytest_sessionreg.processes import Worker
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.registry.transaction import Transaction
from pytest_sessionreg.results.samples import Samples

from ..board import COMMITTING, INSIDE, PHASES
from ..line import is_in_checkpoint
from ..rig import Rig
from ..writer import RegistryWriter
from .campaign import Campaign
from .spread import describe, spread

__all__ = ["run"]

_WRITERS = 16
_BAR_MS = 50.0
# So often one that is inside is chosen rather than any: else fifteen kills of sixteen hit a waiter.
_CHOOSE_INSIDE = 0.6
_POLICY = WriteQueue(patience=30, slice=0.001)


@dataclass(frozen=True, slots=True)
class _Death:
    """writer: its number.
    phase: what it was doing.
    killed_ns, gone_ns: the SIGKILL, and when the kernel had ended it.
    begun_ns: its last BEGIN.
    """

    writer: int
    phase: str
    killed_ns: int
    gone_ns: int
    begun_ns: int


def run(campaign: Campaign, *, kills: int = 1000) -> None:
    """kills: how many, in both storms together."""
    ordinary = kills * 7 // 10
    _storm(campaign, "ordinary storm", ordinary, checkpoints=False)
    _storm(campaign, "a checkpoint at every COMMIT", kills - ordinary, checkpoints=True)


def _fill_log(_registry: Registry, transaction: Transaction, _sequence: int) -> None:
    transaction.execute("PRAGMA wal_autocheckpoint=1").fetchall()
    transaction.execute("UPDATE ballast SET payload = randomblob(65536)")


def _storm(campaign: Campaign, name: str, kills: int, *, checkpoints: bool) -> None:
    make = partial(RegistryWriter, policy=_POLICY)
    if checkpoints:
        make = partial(make, body=_fill_log, hold_s=0.0)
    with campaign.rig(_WRITERS + kills, deadline_s=60 + kills) as rig:
        workers = {number: rig.start_writer(number, make) for number in range(_WRITERS)}
        rig.sleep(0.5)
        deaths = []
        for kill in range(kills):
            rig.sleep(campaign.random.uniform(0.02, 0.08))
            number = _choose(campaign, rig, list(workers))
            deaths.append(_kill(rig, number, workers.pop(number), stop=checkpoints))
            workers[_WRITERS + kill] = rig.start_writer(_WRITERS + kill, make)
        rig.sleep(0.5)
        rig.finish(workers.values())
        samples = rig.samples()
        found = rig.verify()
    campaign.ask(
        f"SIGKILL, {name}",
        times=kills,
        asked="0 acknowledged writes lost, 0 refused or failed, integrity ok",
        found=str(found),
        good=found.flawless,
    )
    _add_next_finding(campaign, name, deaths, samples)


def _choose(campaign: Campaign, rig: Rig, alive: list[int]) -> int:
    """Which writer to kill: one that is inside just now, or any."""
    if campaign.random.random() < _CHOOSE_INSIDE:
        for writer in campaign.random.sample(alive, len(alive)):
            if rig.board.cell(writer).read()[0] in (INSIDE, COMMITTING):
                return writer
    return campaign.random.choice(alive)


def _kill(rig: Rig, number: int, worker: Worker, *, stop: bool) -> _Death:
    checkpointing = False
    if stop:
        worker.stop()
        checkpointing = is_in_checkpoint(rig.setup.database, worker.pid)
    killed_ns = monotonic_ns()
    worker.kill()
    gone_ns = monotonic_ns()
    worker.wait()
    phase, begun_ns = rig.board.cell(number).read()
    return _Death(number, "in a checkpoint" if checkpointing else PHASES[phase], killed_ns, gone_ns, begun_ns)


def _add_next_finding(campaign: Campaign, name: str, deaths: list[_Death], samples: Samples) -> None:
    """How long after each death the next writer was admitted; BEGINs of writers that died inside count as well."""
    admitted = samples.hold_us > 0
    begun_ns = np.concatenate(
        [(samples.started_us + samples.wait_us)[admitted] * 1000, [death.begun_ns for death in deaths]]
    )
    writers = np.concatenate([samples.worker[admitted], [death.writer for death in deaths]])
    order = np.argsort(begun_ns, kind="stable")
    begun_ns, writers = begun_ns[order], writers[order]
    next_ms: dict[str, list[float]] = {}
    dying_ms: list[float] = []
    from_death_ms: list[float] = []
    for death in deaths:
        at = int(np.searchsorted(begun_ns, death.killed_ns, side="right"))
        while at < len(begun_ns) and writers[at] == death.writer:
            at += 1
        if at == len(begun_ns):
            continue
        next_ms.setdefault(death.phase, []).append((begun_ns[at] - death.killed_ns) / 1e6)
        dying_ms.append((death.gone_ns - death.killed_ns) / 1e6)
        from_death_ms.append(max(begun_ns[at] - death.gone_ns, 0) / 1e6)
    every = [ms for phase in next_ms.values() for ms in phase]
    over = sum(ms > _BAR_MS for ms in every)
    late = sum(ms > _BAR_MS for ms in from_death_ms)
    campaign.ask(
        f"the next writer after each death, {name}",
        times=len(every),
        asked=f"admitted within {_BAR_MS:g} ms of the kernel's word that the target is gone",
        found=(
            f"{describe(every)} after the SIGKILL ({over} over {_BAR_MS:g} ms); the kernel took {describe(dying_ms)} "
            f"to end the target, and {late} came later than {_BAR_MS:g} ms after that"
        ),
        good=not late,
    )
    by_phase = "; ".join(f"{phase} {len(values)} ({describe(values)})" for phase, values in sorted(next_ms.items()))
    campaign.note(f"where they were killed, {name}", times=len(every), found=by_phase)
    campaign.measurements[name] = {
        "next_ms": {phase: spread(values) for phase, values in next_ms.items()},
        "dying_ms": spread(dying_ms),
        "next_after_death_ms": spread(from_death_ms),
        "over_50_ms_after_the_kill": over,
        "every_next_ms": {phase: [round(ms, 3) for ms in values] for phase, values in next_ms.items()},
    }
