"""A fork with an open registry.

The parent is idle, waits in line or holds the lock; the child lives on, exits or is killed. By os.fork and by
multiprocessing; the parent goes on or is killed meanwhile. Asked: the child may not use the registry, a write that was
acknowledged stays, and the child keeps no lock alive: the next writer comes once the parent is done.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from threading import Timer
from time import monotonic_ns, sleep

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.processes import Worker
from pytest_sessionreg.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from pytest_sessionreg.storm.storm_writes import INSERT, rows

from ..board import Board
from ..line import wait_until_in_line
from ..rig import Rig
from ..setup import STORM, Setup
from ..target import count_refusals
from .campaign import Campaign
from .spread import describe, spread
from .waiter import prepare_holder, wait

__all__ = ["CASES", "run"]

_STATES = ("idle", "waiting", "holding")
_METHODS = ("os.fork", "multiprocessing")
_ENDS = ("goes on", "is killed")
CASES = ("lives on", "exits", "is killed")
_NEXT_BAR_MS = 1000.0
_REPORT_PATIENCE_S = 10.0
# The worker number of the parent's row.
_PARENT = 0


@dataclass(frozen=True, slots=True)
class _ForkCase:
    """state: of the parent when it forks.
    method: how it forks.
    fate: of the child.
    end: of the parent.
    """

    state: str
    method: str
    fate: str
    end: str


def run(campaign: Campaign, *, rounds: int = 5, fate: str | None = None) -> None:
    """rounds: of each combination.
    fate: what becomes of the child.
    """
    fates = [fate] if fate else CASES
    for state in _STATES:
        next_ms: list[float] = []
        lost = used = unserved = 0
        cases = [_ForkCase(state, *rest) for rest in product(_METHODS, fates, _ENDS)] * rounds
        for case in cases:
            campaign.check()
            waited_ms, row_lost, refused = _round(campaign, case)
            lost += row_lost
            used += not refused
            unserved += waited_ms is None
            next_ms += [] if waited_ms is None else [waited_ms]
        late = sum(ms > _NEXT_BAR_MS for ms in next_ms)
        campaign.ask(
            f"a fork by a process that is {state}",
            times=len(cases),
            asked="the child is refused, nothing acknowledged is lost, the child keeps no lock alive",
            found=f"{used} children could use it, {lost} lost, {unserved} next writers refused",
            good=not lost and not used and not unserved,
        )
        campaign.ask(
            f"the next writer after a fork by a process that is {state}",
            times=len(next_ms),
            asked=f"BEGIN within {_NEXT_BAR_MS:g} ms of the parent's end or death",
            found=f"{describe(next_ms)}; {late} later",
            good=not late,
        )
        campaign.measurements[f"{state}: next_ms"] = spread(next_ms)


def _parent(setup: Setup, case: _ForkCase) -> Callable[[], None]:
    """The process that forks; it ends once its own write is acknowledged."""
    warnings.simplefilter("ignore", DeprecationWarning)  # to fork beside a waiting thread is what this is about
    registry = Registry.open(setup.database, policy=WriteQueue(patience=30))
    registry.sessions.list()
    board = Board(setup)
    transaction = registry.transaction()
    if case.state == "holding":
        transaction.__enter__()
    if case.state != "waiting":
        _fork(registry, board, case)

    def run() -> None:
        if case.state == "waiting":
            Timer(0.1, _fork, (registry, board, case)).start()
        if case.state != "holding":
            transaction.__enter__()
        transaction.execute(INSERT, (STORM, _PARENT, 0))
        transaction.__exit__(None, None, None)

    return run


def _fork(registry: Registry, board: Board, case: _ForkCase) -> None:
    if case.method == "multiprocessing":
        get_context("fork").Process(target=_use_parents, args=(registry, board, case.fate), daemon=True).start()
    elif not os.fork():
        try:
            _use_parents(registry, board, case.fate)
        finally:
            os._exit(0)


def _use_parents(registry: Registry, board: Board, fate: str) -> None:
    """The child: try to use what belongs to the parent, report if all of that is refused; then live on, or end."""
    attempts = (registry.sessions.list, partial(registry.sessions.register, "child"), registry.close)
    if count_refusals(*attempts) == len(attempts):
        board.report()
    if fate == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "lives on":
        sleep(60)


def _round(campaign: Campaign, case: _ForkCase) -> tuple[float | None, bool, bool]:
    """How long the next writer waited from the parent's end on (None: refused), whether the parent's write was lost,
    and whether the child was refused.
    """
    with campaign.rig(1, deadline_s=60, preload=(__name__,)) as rig:
        holder = prepare_holder(rig)
        if case.state != "waiting":
            holder.release()
            holder.result()
        parent = rig.prepare(_parent, rig.setup, case)
        if case.state == "waiting":
            parent.release()
        try:
            rig.board.wait_for_reports(_REPORT_PATIENCE_S)
            refused = True
        except StormError:
            refused = False
        following = rig.prepare(wait, rig.setup.database, 1, (10,))
        waited_ms = _end(case, rig, parent, holder, following)
        if case.end == "is killed":
            return waited_ms, False, refused
        parent.result()
        return waited_ms, list(rows(rig.setup.database, STORM)).count(_PARENT << 32) != 1, refused


def _end(case: _ForkCase, rig: Rig, parent: Worker, holder: Worker, following: Worker) -> float | None:
    """Let the parent end as the case says, with the next writer in line behind it."""
    if case.state != "idle":
        following.release()
        wait_until_in_line(rig.setup.database, 2 if case.state == "waiting" else 1)
    done_ns = monotonic_ns()
    if case.end == "is killed":
        parent.kill()
    elif case.state != "waiting":
        parent.release()
        parent.result()
    if case.state == "waiting":
        holder.release()
        _, done_ns = holder.result()
    if case.state == "idle":
        done_ns = monotonic_ns()
        following.release()
    (found,) = following.result()
    return max(found.ended_ns - done_ns, 0) / 1e6 if found.admitted else None
