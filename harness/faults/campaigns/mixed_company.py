"""Writers that do not queue beside 16 that do.

Plain sqlite3, and the command-line shell: plain writers with timeouts of 5 and 30 s; the shell, if installed, with
`.timeout 5000`, a process per write. Asked: no failure within patience, and no lost write.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import sleep

import numpy as np

from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.results.samples import EXHAUSTED
from pytest_sessionreg.storm.storm_writes import rows

from ..board import Board
from ..setup import Setup
from ..writer import MakeWriter, PlainWriter, RegistryWriter
from .campaign import Campaign
from .spread import describe, spread

__all__ = ["CASES", "run"]

_QUEUED = 16
_SHELL = "sqlite3"
# The shell's rows are of a storm of their own, whose ledger is its own count of acknowledged writes.
_SHELL_STORM = "shell"
_SHELL_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class _Company:
    """five, thirty, shells: how many of each kind write beside the queue: plain writers with 5 s, with 30 s, shells.
    control: whether the queue's writers are plain ones themselves.
    think_s: everybody's mean think time.
    """

    five: int = 2
    thirty: int = 2
    shells: int = 2
    control: bool = False
    think_s: float = 0.005


_ALL = "4 plain writers, 5 and 30 s, and 2 shells"
_COMPANIES = {
    "nobody": _Company(0, 0, 0),
    "2 plain writers, 5 s": _Company(2, 0, 0),
    "2 plain writers, 30 s": _Company(0, 2, 0),
    _ALL: _Company(),
    f"control: {_ALL}": _Company(control=True),
    "4 plain writers and 2 shells, the lock half busy": _Company(think_s=0.04),
}
CASES = tuple(_COMPANIES)


def run(campaign: Campaign, *, seconds: float = 10.0, only: str | None = None) -> None:
    """seconds: of each storm.
    only: one company.
    """
    for name in [only] if only else CASES:
        company = _COMPANIES[name]
        if company.shells and shutil.which(_SHELL) is None:
            campaign.note(name, times=0, found="the shell is not installed here")
            continue
        _storm(campaign, name, company, seconds)


def _write_through_shell(setup: Setup, number: int) -> Callable[[], tuple[int, int]]:
    """Write through the command-line shell until the board says stop; how many were done, and how many failed."""
    board = Board(setup)

    def run() -> tuple[int, int]:
        done = failed = 0
        while not board.stopped:
            insert = f"INSERT INTO storm_writes VALUES ('{_SHELL_STORM}', {number}, {done})"  # noqa: S608  two numbers of ours
            sql = f"BEGIN IMMEDIATE; {insert}; COMMIT;"
            command = [_SHELL, "-bail", "-cmd", ".timeout 5000", setup.database, sql]
            ended = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  our own
            done += ended.returncode == 0
            failed += ended.returncode != 0
            sleep(_SHELL_PAUSE_S)
        return done, failed

    return run


def _storm(campaign: Campaign, name: str, company: _Company, seconds: float) -> None:
    plain = company.five + company.thirty
    queued_writer: MakeWriter = partial(RegistryWriter, policy=WriteQueue(patience=5, slice=0.001))
    make = PlainWriter if company.control else queued_writer
    with campaign.rig(_QUEUED + plain, deadline_s=120, preload=(__name__,)) as rig:
        workers = [rig.start_writer(number, make, think_s=company.think_s) for number in range(_QUEUED)]
        for number in range(plain):
            beside = partial(PlainWriter, timeout_s=5.0 if number < company.five else 30.0)
            workers.append(rig.start_writer(_QUEUED + number, beside, think_s=company.think_s))
        shells = [rig.start(_write_through_shell, rig.setup, number) for number in range(company.shells)]
        rig.sleep(seconds)
        rig.finish(workers)
        shell_results = rig.finish(shells)
        samples = rig.samples()
        found = rig.verify()
        shell_writes, shell_failed = (sum(column) for column in zip((0, 0), *shell_results, strict=True))
        shell_lost = shell_writes - len(rows(rig.setup.database, _SHELL_STORM))
    queued = samples.worker < _QUEUED
    refused = samples.outcome == EXHAUSTED
    kind = "plain writers with 5 s (control)" if company.control else "queue writers"
    subject = f"16 {kind} beside {name.removeprefix('control: ')}"
    times = len(samples) + shell_writes
    told = (
        f"{found}, of the refused {int((~queued & refused).sum())} plain ones; {int((~queued).sum())} writes "
        f"by the others, {shell_writes} by shells ({shell_lost} lost, {shell_failed} more refused); "
        f"waits of the 16 {describe(samples.wait_us[queued] / 1000)}, of the others "
        f"{describe(samples.wait_us[~queued] / 1000)}"
    )
    if company.control:
        campaign.note(subject, times=times, found=told)
        return
    campaign.ask(
        subject,
        times=times,
        asked="nothing lost, no failure within patience (5 s)",
        found=told,
        good=found.flawless and not shell_lost and not shell_failed,
    )
    met = queued & (samples.busy > 0)
    per_writer = np.bincount(samples.worker[met], weights=samples.busy[met], minlength=_QUEUED)[:_QUEUED]
    campaign.measurements[name] = {
        "queued_wait_ms": spread(samples.wait_us[queued] / 1000),
        "plain_wait_ms": spread(samples.wait_us[~queued] / 1000),
        "busy_per_writer": [int(times) for times in per_writer],
        "busy_per_write": spread(samples.busy[met]),
    }
