"""By how much a wait misses its patience.

Behind a live, a stopped and a dying holder, alone and with others ahead. Each patience has a database of its own, all
of them wait at once: waiting costs nothing. "Dying": the holder is killed 20 ms before the end of the patience, so the
wait ends in admission or in WriteTimeout, and either must be in time. Asked: the whole wait, BEGIN included, within 10
ms or 5 % of patience. Beside each waiter a control only sleeps, as often and as long: what that one misses is the
machine's, and is allowed on top.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

from pytest_sessionreg.processes import Worker

from ..database import make_database
from ..rig import Rig
from .campaign import Campaign
from .spread import describe, spread
from .waiter import Wait, prepare_holder, put_in_line, wait

__all__ = ["run"]

_PATIENCES_S = (0.05, 0.2, 0.5, 2.0, 5.0)
_BEFORE_THE_END_S = 0.02


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One patience: who holds its database's lock, who waits for it, and who only sleeps."""

    patience_s: float
    holder: Worker
    waiter: Worker
    control: Worker


@dataclass(frozen=True, slots=True)
class _Round:
    """One round's waits, and by how many ms the sleeping control missed each."""

    waits: list[Wait]
    control_ms: list[float]


def run(campaign: Campaign, *, rounds: int = 5, longest: float = 5.0, others: int = 20, repeat: float = 5.0) -> None:
    """rounds: of each combination.
    longest: the longest patience.
    others: writers ahead in line.
    repeat: to fill with repeated short waits.
    """
    patiences_s = tuple(patience_s for patience_s in _PATIENCES_S if patience_s <= longest)
    for state in ("live", "stopped", "dying"):
        for ahead in (0, others):
            every = [_round(campaign, state, ahead, repeat, patiences_s) for _ in range(rounds)]
            for place, patience_s in enumerate(patiences_s):
                _add_finding(campaign, state, ahead, patience_s, [found[place] for found in every])


def _round(
    campaign: Campaign, state: str, others: int, repeat_s: float, patiences_s: tuple[float, ...]
) -> list[_Round]:
    with campaign.rig(0, deadline_s=120, preload=(__name__,)) as rig:
        waiting = [_prepare(rig, patience_s, others, state, repeat_s) for patience_s in patiences_s]
        began = monotonic()
        for each in waiting:
            each.waiter.release()
            each.control.release()
        if state == "dying":
            for each in waiting:
                sleep(max(began + each.patience_s - _BEFORE_THE_END_S - monotonic(), 0))
                each.holder.kill()
        return [_Round(each.waiter.result(), each.control.result()) for each in waiting]


def _prepare(rig: Rig, patience_s: float, others: int, state: str, repeat_s: float) -> _Waiting:
    database = os.path.join(rig.setup.scratch, f"{patience_s:g}.db")
    make_database(database)
    holder = prepare_holder(rig, database)
    if state == "stopped":
        holder.stop()
    put_in_line(rig, others, database=database, hold_s=0)
    times = 1 if state == "dying" else max(round(min(repeat_s, 20 * patience_s) / patience_s), 1)
    waiter = rig.prepare(wait, database, others, (patience_s,) * times)
    return _Waiting(patience_s, holder, waiter, rig.prepare(_sleep, patience_s, times))


def _sleep(patience_s: float, times: int) -> Callable[[], list[float]]:
    def run() -> list[float]:
        missed_ms = []
        for _ in range(times):
            started = monotonic()
            sleep(patience_s)
            missed_ms.append((monotonic() - started - patience_s) * 1000)
        return missed_ms

    return run


def _add_finding(campaign: Campaign, state: str, others: int, patience_s: float, rounds: list[_Round]) -> None:
    waits = [found for each in rounds for found in each.waits]
    bar_ms = waits[0].tolerance_ms
    control_ms = [missed for each in rounds for missed in each.control_ms]
    admitted = sum(found.admitted for found in waits)
    # an admission may come at any time before; only one that is too late would be wrong
    deviations_ms = [found.deviation_ms for found in waits if not found.admitted or found.deviation_ms > 0]
    beyond_bar = sum(abs(ms) > bar_ms for ms in deviations_ms)
    outside = sum(
        (not found.admitted and found.deviation_ms < -bar_ms)
        or found.deviation_ms > bar_ms + max(0.0, *each.control_ms)
        for each in rounds
        for found in each.waits
    )
    ahead = f"behind {others} others" if others else "alone"
    served = f", {admitted} admitted in time" if admitted else ""
    campaign.ask(
        f"patience {patience_s:g} s, {state} holder, {ahead}",
        times=len(waits),
        asked=f"the wait ends within {bar_ms:g} ms of patience, besides what the control misses",
        found=(
            f"{len(waits) - admitted} refused{served}; deviation {describe(deviations_ms)} (control "
            f"{describe(control_ms)}); {beyond_bar} beyond {bar_ms:g} ms, {outside} of them with the control's "
            "lateness taken off"
        ),
        good=not outside and (state == "dying" or not admitted),
    )
    campaign.measurements[f"{state}, {ahead}, {patience_s:g} s"] = {
        "refused": len(waits) - admitted,
        "admitted": admitted,
        "bar_ms": bar_ms,
        "beyond_bar": beyond_bar,
        "outside": outside,
        "deviation_ms": spread(deviations_ms),
        "control_ms": spread(control_ms),
        "deviations_ms": [round(ms, 3) for ms in deviations_ms],
    }
