"""Rounds of a storm and of its control in turn, so that what happens to the machine happens to both."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from time import monotonic

from ..processes.scratch import ScratchDirectory
from ..results.ratios import FEWEST_ROUNDS
from ..results.result import StormRun
from ..storm.plan import Plan
from ..storm.rounds import run_round
from ..storm.turn import storm_turn
from .control_storm import control_plan

__all__ = ["Ground", "Pairs", "run_pairs", "short_round"]

# A round is as long as it takes to fill the queue and serve it some dozens of times; more rounds say more than longer
# ones, because the round is the unit of comparison.
_ROUND_MS = 150.0
_FEWEST_WRITES = 6
# What a small transaction takes beyond its sleep, roughly; it only sizes rounds.
_SERVICE_MS = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The runs of a storm and of its control, round by round."""

    subject: tuple[StormRun, ...]
    control: tuple[StormRun, ...]


class Ground:
    """Where the rounds of a storm write: for each a file of its own, the same as the storm found.

    A file that the caller named is copied once, as it is now, and every round storms a copy of that copy, on the same
    file system; otherwise each round makes its own. Use `with Ground.of(plan) as ground`.
    """

    def __init__(self, directory: str | None, template: str | None) -> None:
        self._directory, self._template = directory, template
        self._files = 0

    @classmethod
    @contextmanager
    def of(cls, plan: Plan) -> Iterator[Ground]:
        """The ground for `plan`; its files are removed afterwards."""
        if plan.database is None:
            yield cls(None, None)
            return
        beside = os.path.dirname(os.path.abspath(plan.database))
        with ScratchDirectory("sessionreg-pair-", beside) as directory:
            template = None
            if os.path.exists(plan.database):
                template = os.path.join(directory, "template.db")
                _copy(plan.database, template)
            yield cls(directory, template)

    def subject(self) -> str | None:
        """The path of a file for the next round of the storm; None where the storm makes its own."""
        path = self.control()
        if self._template is not None and path is not None:
            _copy(self._template, path)
        return path

    def control(self) -> str | None:
        """The path of a file for the next round of the control, not there yet; None where the storm makes its own."""
        if self._directory is None:
            return None
        self._files += 1
        return os.path.join(self._directory, f"{self._files}.db")


def run_pairs(
    plan: Plan, ground: Ground, *, most: int, patience_s: float, on_round: Callable[[int], None] | None = None
) -> Pairs:
    """Up to `most` pairs of rounds of `plan` and its control, at least FEWEST_ROUNDS; beyond those no pair is begun
    that would end after `patience_s` seconds. Round k has the seed of `plan` plus k - 1, in both of a pair.

    Which of the two goes first alternates. on_round: called with the number of pairs that are done. Raises as
    run_storm, but KeyboardInterrupt for Ctrl-C.
    """
    subject: list[StormRun] = []
    control: list[StormRun] = []
    with storm_turn():
        started = monotonic()
        while len(subject) < most:
            done = len(subject)
            elapsed_s = monotonic() - started
            if done >= FEWEST_ROUNDS and elapsed_s * (done + 1) / done > patience_s:
                break
            seeded = replace(plan, seed=plan.seed + done)
            storms = [
                (subject, replace(seeded, database=ground.subject())),
                (control, control_plan(seeded, ground.control())),
            ]
            for runs, storm in storms if done % 2 else reversed(storms):
                runs.append(run_round(storm))
            if on_round is not None:
                on_round(done + 1)
    return Pairs(tuple(subject), tuple(control))


def short_round(plan: Plan, scale: float = 1.0) -> Plan:
    """`plan` cut to the length of one round, `scale` times as long as usual; never longer than the storm itself.

    The load stays what it is. The writes are counted from the load alone, so that a round is the same on every machine.
    """
    length_ms = _ROUND_MS * scale
    if plan.duration_s is not None:
        return replace(plan, duration_s=min(plan.duration_s, length_ms / 1000))
    if plan.rate_per_s is not None:
        cycle_ms = 1000 * plan.workers / plan.rate_per_s
    else:
        service_ms = plan.hold_ms + _SERVICE_MS
        cycle_ms = max(plan.think_ms + service_ms, plan.workers * service_ms)
    writes = max(_FEWEST_WRITES, round(length_ms / cycle_ms))
    return replace(plan, writes=min(plan.writes or writes, writes))


def _copy(source: str, target: str) -> None:
    """Through SQLite, as everything that touches a database file."""
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
