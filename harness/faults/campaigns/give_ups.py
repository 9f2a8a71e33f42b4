"""Waiters leave the middle of a long line.

They give up or are killed, before the line moves and while it does. Each round: a holder, and so many waiters in line;
half of them leave it at random instants, every second one by SIGKILL, the others because their patience ends. Asked:
those behind keep their order, as far as they came one after the other, and nobody waits for the dead.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from pytest_sessionreg.error_base import StormError

from ..line import wait_until_in_line
from ..rig import Rig
from .campaign import Campaign
from .overtaking import OVERTAKEN_BY_MS
from .spread import describe, spread
from .waiter import Wait, prepare_holder, wait

__all__ = ["run"]

# Nobody ahead lives and nobody is inside: what is longer than this was spent waiting for the dead.
_PAUSE_MS = 400.0
_HOLD_S = 0.002
# One that looks by itself and is awake at that instant is not woken; a busy machine has more of these.
_ORDERLY, _FEW = 20, 2
_PATIENT_S = 60.0


def run(campaign: Campaign, *, rounds: int = 8, waiters: int = 100) -> None:
    """rounds: how many lines.
    waiters: in each line.
    """
    killed = refused = disorder = unserved = 0
    pauses_ms: list[float] = []
    for _ in range(rounds):
        with campaign.rig(0, deadline_s=120, preload=(wait.__module__,)) as rig:
            waits, died, released_ns = _round(campaign, rig, waiters)
        killed += died
        refused += sum(not found.admitted and found.patience_s < _PATIENT_S for found in waits)
        unserved += sum(not found.admitted and found.patience_s >= _PATIENT_S for found in waits)
        served = sorted((found for found in waits if found.admitted), key=lambda found: found.ended_ns)
        overtaken_ns = OVERTAKEN_BY_MS * 1_000_000
        disorder += sum(later.came_ns < earlier.came_ns - overtaken_ns for earlier, later in pairwise(served))
        left_ns = [released_ns, *(found.left_ns for found in served)]
        pauses_ms += [max(found.ended_ns - before, 0) / 1e6 for found, before in zip(served, left_ns, strict=False)]
    stuck = sum(ms > _PAUSE_MS for ms in pauses_ms)
    campaign.ask(
        "waiters leave the middle of the line",
        times=killed + refused,
        asked=(
            f"all behind them are admitted, and at most one in {_ORDERLY} (or {_FEW} in all) before one that came "
            f"{OVERTAKEN_BY_MS} ms earlier"
        ),
        found=f"{killed} killed, {refused} gave up; {len(pauses_ms)} served, {disorder} out of order, {unserved} not",
        good=disorder <= max(_FEW, len(pauses_ms) // _ORDERLY) and not unserved,
    )
    campaign.ask(
        "from one writer's end to the next one's BEGIN",
        times=len(pauses_ms),
        asked=f"nobody waits for the dead (never {_PAUSE_MS:g} ms)",
        found=f"{describe(pauses_ms)}; {stuck} longer than {_PAUSE_MS:g} ms",
        good=not stuck,
    )
    campaign.measurements["pause_ms"] = spread(pauses_ms)


def _round(campaign: Campaign, rig: Rig, count: int) -> tuple[list[Wait], int, int]:
    """All waits that ended, how many waiters were killed, and when the holder left."""
    chance, database = campaign.random, rig.setup.database
    holder = prepare_holder(rig)
    leaving = chance.sample(range(count), count // 2)
    impatient, killed = set(leaving[::2]), leaving[1::2]
    workers = []
    for number in range(count):
        patience_s = chance.uniform(0.1, 1.2) if number in impatient else _PATIENT_S
        workers.append(rig.prepare(wait, database, number, (patience_s,), _HOLD_S))
    for worker in chance.sample(workers, count):
        worker.release()
    with suppress(StormError):  # some give up before the last has come
        wait_until_in_line(database, count - count // 4, patience_s=1)
    early, late = killed[::2], killed[1::2]
    for number in early:
        rig.sleep(chance.uniform(0, 0.02))
        workers[number].kill()
    holder.release()
    for number in late:
        rig.sleep(chance.uniform(0, 0.004))
        workers[number].kill()
    _, released_ns = holder.result()
    results = [worker.result() for worker in workers]
    waits = [found for result in results if result is not None for found in result]
    return waits, results.count(None), released_ns
