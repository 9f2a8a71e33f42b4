"""One episode: one fault, under one policy, once; from an empty directory to the verdict, and nothing left."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from pytest_sessionreg.processes import Call, Group, WorkerFailed
from pytest_sessionreg.registry.errors import RegistryError
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.samples import Samples

from . import culprit, database, writer_process
from .culprit import Strike
from .database import Found
from .fault import Fault
from .menu import MENU
from .private_disk import DiskRefused
from .result import PLAIN, Episode
from .scene import Board, Scene
from .writer import Seen

__all__ = ["play", "skipped"]

_WRITERS_HOLD_S, _WRITERS_THINK_S = 0.002, 0.010
_TAIL_S = 0.35
_LONGEST_S = 45.0
_SLACK_S = 60.0
_PRELOAD = (culprit.__name__, writer_process.__name__, type(MENU[0]).__module__)


def play(
    fault: Fault,
    policy: AdmissionPolicy | None,
    *,
    number: int,
    seed: int,
    check: Callable[[], None] = lambda: None,
) -> Episode:
    """Let `fault` strike once while writers write under `policy` (None for a control, which has none).

    number: of the round, stored only. check is called ten times a second and may raise. Raises ProcessError when a
    worker of the harness itself fails, dies or hangs.
    """
    name = PLAIN if policy is None else policy.name
    reason = fault.unavailable(name)
    if reason:
        return skipped(fault, name, number, reason)
    with tempfile.TemporaryDirectory(prefix="sessionreg-fault-") as scratch, ExitStack() as stack:
        directory = os.path.join(scratch, "data")
        os.mkdir(directory, 0o700)
        scene = Scene(
            database=os.path.join(directory, "faults.db"),
            scratch=scratch,
            policy=policy if policy is not None else _unused_policy(),
            writers=fault.writers,
            seed=seed,
            hold_s=_WRITERS_HOLD_S,
            think_s=_WRITERS_THINK_S,
            tail_s=_TAIL_S,
            longest_s=_LONGEST_S,
            unprivileged=fault.unprivileged,
        )
        Board.create(scene)
        keeper: Group | None = None
        if fault.disk_kib is None:
            database.make(scene.database, fault.ballast_kib)
        else:
            call = Call(database.keep, (scene, directory, fault.disk_kib, fault.ballast_kib))
            deadline_s = _LONGEST_S + 2 * _SLACK_S
            keeper = stack.enter_context(Group([call], deadline_s=deadline_s, preload=_PRELOAD, scratch=scratch))
            try:
                keeper.wait_until_ready()
            except WorkerFailed as error:
                failure = error.failures[0]
                if not failure.kind.endswith(DiskRefused.__name__):
                    raise
                return skipped(fault, name, number, failure.message)
            scene = replace(scene, keeper=keeper.pids[0])
        opened_ns, strike, seen = _act(fault, scene, check)
        samples = Samples.read(scene.ledgers[: scene.writers], opened_ns=opened_ns)
        try:
            found = database.examine(scene) if keeper is None else _examined(keeper)
        except (sqlite3.Error, RegistryError, WorkerFailed) as error:
            found = Found(lost=0, duplicated=0, ghosts=0, integrity=f"cannot be read: {error}")
        return _judged(fault, name, number, samples, strike, seen, found, opened_ns)


def skipped(fault: Fault, policy: str, number: int, reason: str) -> Episode:
    """An episode that was not played, and why."""
    return Episode.unplayed(fault.name, policy, number, control=fault.control, may_lose=fault.may_lose, reason=reason)


def _act(fault: Fault, scene: Scene, check: Callable[[], None]) -> tuple[int, Strike, list[Seen]]:
    calls = [Call(culprit.prepare, (fault, scene))]
    calls += [Call(writer_process.prepare, (fault, scene, worker)) for worker in range(scene.writers)]
    with Group(calls, deadline_s=scene.longest_s + _SLACK_S, preload=_PRELOAD, scratch=scene.scratch) as group:
        group.wait_until_ready()
        opened_ns = group.release()
        strike, *seen = group.results(check)
    return opened_ns, strike, [entry for part in seen for entry in part]


def _examined(keeper: Group) -> Found:
    """What the keeper of a private disk finds there."""
    keeper.release()
    found: Found = keeper.results()[0]
    return found


def _judged(
    fault: Fault,
    policy: str,
    number: int,
    samples: Samples,
    strike: Strike,
    seen: Sequence[Seen],
    found: Found,
    opened_ns: int,
) -> Episode:
    counted: Counter[tuple[str, int | None]] = Counter()
    for entry in seen:
        counted[entry.kind, entry.code] += entry.count
    failed = sum(counted.values())
    ended_us = (strike.ended_ns - opened_ns) // 1000
    admitted_us = (samples.started_us + samples.wait_us)[samples.committed]
    after = admitted_us[admitted_us >= ended_us]
    codes = frozenset(code for _, code in counted if code is not None)
    return Episode(
        fault=fault.name,
        policy=policy,
        number=number,
        control=fault.control,
        may_lose=fault.may_lose,
        skipped="",
        broken=strike.broken,
        note=strike.note,
        attempted=len(samples),
        acknowledged=int(samples.committed.sum()),
        failed=failed,
        seen=tuple(Seen(kind, code, count) for (kind, code), count in counted.most_common()),
        seen_elsewhere=strike.seen,
        lost=found.lost,
        duplicated=found.duplicated,
        ghosts=found.ghosts,
        integrity=found.integrity,
        lasted_ms=round((strike.ended_ns - strike.begun_ns) / 1e6, 3),
        recover_ms=round(float(np.min(after) - ended_us) / 1000, 3) if len(after) else None,
        longest_wait_ms=round(float(samples.wait_us.max()) / 1000, 3) if len(samples) else None,
        red=fault.control and fault.red(lost=found.lost, failed=failed, codes=codes),
    )


def _unused_policy() -> AdmissionPolicy:
    """A scene names a policy; a control's writers do not use it."""
    from pytest_sessionreg.registry.sqlite.admission.busy_timeout import BusyTimeout

    return BusyTimeout()
