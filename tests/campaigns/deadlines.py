"""By how much a wait misses its patience: behind a live, a stopped and a dying holder, alone and with others ahead.

    python -m tests.campaigns.deadlines [--rounds N]

Each patience has a database of its own, all of them wait at once: waiting costs nothing. "Dying": the holder is killed
20 ms before the end of the patience, so the wait ends in admission or in WriteTimeout, and either must be in time.
Asked: the whole wait, BEGIN included, within 10 ms or 5 % of patience. Beside each waiter a control only sleeps, as
often and as long: what that one misses is the machine's, and is allowed on top.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic, sleep

from pytest_sessionreg.processes import Call
from tests.campaigns.arena import Arena
from tests.campaigns.crew import Crew, Worker
from tests.campaigns.finding import Report, parser, spread, told
from tests.campaigns.holder import hold
from tests.campaigns.line import join
from tests.campaigns.waiter import Wait, wait

_PATIENCES_S = (0.05, 0.2, 0.5, 2.0, 5.0)
_BEFORE_THE_END_S = 0.02


@dataclass(frozen=True, slots=True)
class _Scene:
    """One patience's place: its database, its holder, and who waits."""

    patience_s: float
    arena: Arena
    holder: Worker
    waiter: Worker
    control: Worker


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One round's waits, and by how many ms the sleeping control missed each."""

    waits: list[Wait]
    control_ms: list[float]


def _sleep(patience_s: float, times: int) -> Callable[[], list[float]]:
    def run() -> list[float]:
        missed_ms = []
        for _ in range(times):
            started = monotonic()
            sleep(patience_s)
            missed_ms.append((monotonic() - started - patience_s) * 1000)
        return missed_ms

    return run


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=5)
    options_parser.add_argument("--longest", type=float, default=max(_PATIENCES_S), help="patience, in seconds")
    options_parser.add_argument("--others", type=int, default=20, help="writers ahead in line")
    options_parser.add_argument("--repeat", type=float, default=5, help="seconds to fill with repeated short waits")
    options = options_parser.parse_args()
    patiences_s = tuple(patience_s for patience_s in _PATIENCES_S if patience_s <= options.longest)
    report = Report("deadlines", options)
    for state in ("live", "stopped", "dying"):
        for others in (0, options.others):
            found: dict[float, list[_Outcome]] = {patience_s: [] for patience_s in patiences_s}
            for _ in range(options.rounds):
                _round(state, others, options.repeat, found)
            for patience_s, outcomes in found.items():
                _tell(report, state, others, patience_s, outcomes)
    return report.finish()


def _round(state: str, others: int, repeat_s: float, found: dict[float, list[_Outcome]]) -> None:
    with ExitStack() as stack:
        arenas = {patience_s: stack.enter_context(Arena(1)) for patience_s in found}
        crew = stack.enter_context(Crew(deadline_s=120))
        scenes = [_scene(crew, arena, patience_s, others, state, repeat_s) for patience_s, arena in arenas.items()]
        began = monotonic()
        for scene in scenes:
            scene.waiter.go()
            scene.control.go()
        if state == "dying":
            for scene in sorted(scenes, key=lambda scene: scene.patience_s):
                sleep(max(began + scene.patience_s - _BEFORE_THE_END_S - monotonic(), 0))
                scene.holder.kill()
        for scene in scenes:
            found[scene.patience_s].append(_Outcome(scene.waiter.result(), scene.control.result()))


def _scene(crew: Crew, arena: Arena, patience_s: float, others: int, state: str, repeat_s: float) -> _Scene:
    holder = crew.start(Call(hold, (arena.database,)), wait=True)
    holder.wait_at_gate()
    if state == "stopped":
        holder.stop()
    join(crew, arena, others, hold_s=0)
    times = 1 if state == "dying" else max(round(min(repeat_s, 20 * patience_s) / patience_s), 1)
    waiter = crew.start(Call(wait, (arena.database, others, (patience_s,) * times)), wait=True)
    control = crew.start(Call(_sleep, (patience_s, times)), wait=True)
    for worker in (waiter, control):
        worker.wait_at_gate()
    return _Scene(patience_s, arena, holder, waiter, control)


def _tell(report: Report, state: str, others: int, patience_s: float, outcomes: list[_Outcome]) -> None:
    bar_ms = max(10.0, patience_s * 50)
    waits = [found for outcome in outcomes for found in outcome.waits]
    control_ms = [missed for outcome in outcomes for missed in outcome.control_ms]
    admitted = sum(found.admitted for found in waits)
    # whoever is admitted may be so at any time before; only too late would be wrong
    deviations_ms = [found.deviation_ms for found in waits if not found.admitted or found.deviation_ms > 0]
    beyond_bar = sum(abs(ms) > bar_ms for ms in deviations_ms)
    outside = sum(
        (not found.admitted and found.deviation_ms < -bar_ms)
        or found.deviation_ms > bar_ms + max(0.0, *outcome.control_ms)
        for outcome in outcomes
        for found in outcome.waits
    )
    company = f"behind {others} others" if others else "alone"
    served = f", {admitted} admitted in time" if admitted else ""
    report.add(
        f"patience {patience_s:g} s, {state} holder, {company}",
        times=len(waits),
        asked=f"the wait ends within {bar_ms:g} ms of patience, besides what the control misses",
        found=(
            f"{len(waits) - admitted} refused{served}; deviation {told(deviations_ms)} (control {told(control_ms)}); "
            f"{beyond_bar} beyond {bar_ms:g} ms, {outside} of them with the control's lateness taken off"
        ),
        good=not outside and (state == "dying" or not admitted),
    )
    report.measurements[f"{state}, {company}, {patience_s:g} s"] = {
        "refused": len(waits) - admitted,
        "admitted": admitted,
        "bar_ms": bar_ms,
        "beyond_bar": beyond_bar,
        "outside": outside,
        "deviation_ms": spread(deviations_ms),
        "control_ms": spread(control_ms),
        "deviations_ms": [round(ms, 3) for ms in deviations_ms],
    }


if __name__ == "__main__":
    sys.exit(main())
