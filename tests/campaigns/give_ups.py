"""Waiters that give up, or are killed, in the middle of a long line, before it moves and while it does.

    python -m tests.campaigns.give_ups [--rounds N] [--waiters N]

Each round: a holder, and so many waiters in line; half of them leave it at random instants, every second one by
SIGKILL, the others because their patience ends. Asked: those behind keep their order, and nobody waits for the dead.
"""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from itertools import pairwise
from time import sleep

from pytest_sessionreg.processes import Call, WorkerDied
from tests.campaigns.arena import Arena
from tests.campaigns.crew import Crew, Worker
from tests.campaigns.finding import Report, parser, spread, told
from tests.campaigns.holder import hold
from tests.campaigns.line import until_waiting
from tests.campaigns.waiter import Wait, wait

# Nobody ahead lives and nobody is inside: what is longer than this was spent waiting for the dead.
_PAUSE_MS = 400.0
_HOLD_S = 0.002


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=8)
    options_parser.add_argument("--waiters", type=int, default=100)
    options = options_parser.parse_args()
    random.seed(options.seed)
    report = Report("give_ups", options)
    killed = refused = disorder = unserved = 0
    pauses_ms: list[float] = []
    for _ in range(options.rounds):
        with Arena(1) as arena, Crew(deadline_s=120) as crew:
            waits, died, released_ns = _round(arena, crew, options.waiters)
        killed += died
        refused += sum(not found.admitted and found.patience_s < 60 for found in waits)
        unserved += sum(not found.admitted and found.patience_s >= 60 for found in waits)
        served = sorted((found for found in waits if found.admitted), key=lambda found: found.ended_ns)
        disorder += sum(later.ticket < earlier.ticket for earlier, later in pairwise(served))
        left_ns = [released_ns, *(found.left_ns for found in served)]
        pauses_ms += [max(found.ended_ns - before, 0) / 1e6 for found, before in zip(served, left_ns, strict=False)]
    stuck = sum(ms > _PAUSE_MS for ms in pauses_ms)
    report.add(
        "waiters leave the middle of the line",
        times=killed + refused,
        asked="those behind them are admitted in the order of their tickets, all of them",
        found=f"{killed} killed, {refused} gave up; {len(pauses_ms)} served, {disorder} out of order, {unserved} not",
        good=not disorder and not unserved,
    )
    report.add(
        "from one writer's end to the next one's BEGIN",
        times=len(pauses_ms),
        asked=f"nobody waits for the dead (never {_PAUSE_MS:g} ms)",
        found=f"{told(pauses_ms)}; {stuck} longer than {_PAUSE_MS:g} ms",
        good=not stuck,
    )
    report.measurements["pause_ms"] = spread(pauses_ms)
    return report.finish()


def _round(arena: Arena, crew: Crew, count: int) -> tuple[list[Wait], int, int]:
    """All waits that ended, how many waiters were killed, and when the holder left."""
    holder = crew.start(Call(hold, (arena.database,)), wait=True)
    holder.wait_at_gate()
    leaving = random.sample(range(count), count // 2)
    impatient, doomed = set(leaving[::2]), leaving[1::2]
    workers: list[Worker] = []
    for number in range(count):
        patience_s = random.uniform(0.1, 1.2) if number in impatient else 60
        workers.append(crew.start(Call(wait, (arena.database, number, (patience_s,), _HOLD_S)), wait=True))
    for worker in workers:
        worker.wait_at_gate()
    for worker in random.sample(workers, count):
        worker.go()
    _settle(arena, count)
    early, late = doomed[::2], doomed[1::2]
    for number in early:
        sleep(random.uniform(0, 0.02))
        workers[number].kill()
    holder.go()
    for number in late:
        sleep(random.uniform(0, 0.004))
        workers[number].kill()
    _, released_ns = holder.result()
    waits, died = [], 0
    for worker in workers:
        try:
            waits += worker.result()
        except WorkerDied:
            died += 1
    return waits, died, released_ns


def _settle(arena: Arena, count: int) -> None:
    """Wait until most are in line; some give up before the last has come."""
    with suppress(TimeoutError):
        until_waiting(arena.database, count - count // 4, seconds=1)


if __name__ == "__main__":
    sys.exit(main())
