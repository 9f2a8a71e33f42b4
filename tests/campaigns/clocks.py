"""Clocks that are wrong: the wall clock set back an hour, another time namespace's monotonic clock, a moved boot time.

    python -m tests.campaigns.clocks [--seconds N]

The wall clock is wrong inside the writers' Python only, because the machine's is not ours to set; what psutil makes of
a step is shown with a /proc/stat whose btime is moved as the kernel moves it, in a mount namespace of our own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, sleep

import numpy as np

from pytest_sessionreg.processes import Call
from pytest_sessionreg.registry import Registry, WriteTimeout
from pytest_sessionreg.registry.liveness import is_dead, pid_namespace, process_identity, process_start
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from tests.campaigns.arena import Arena
from tests.campaigns.crew import Crew
from tests.campaigns.finding import Report, parser, told
from tests.campaigns.holder import hold
from tests.campaigns.order import overtakings_us
from tests.campaigns.private_mounts import bind, private_mounts
from tests.campaigns.time_namespace import shift_monotonic

_WRITERS = 8
_OVERTAKEN_BY_US = 20_000
_HOUR_S = 3600
_CLOCKS = ("wall clock", "boot time", "time namespace")
_STEPS_S = (-3600, -60, -3, -1, 1, 3, 60, 3600)


@dataclass(frozen=True, slots=True)
class _Waited:
    """deviation_ms: of a wait of 0.5 s. held_s: for how long WriteTimeout says that the holder has held."""

    deviation_ms: float
    held_s: float | None


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--seconds", type=float, default=10, help="of each storm")
    options_parser.add_argument("--only", choices=_CLOCKS, help="one clock instead of all")
    options = options_parser.parse_args()
    report = Report("clocks", options)
    wall, boot, other = (options.only in (None, clock) for clock in _CLOCKS)
    for step_s in (0.0, float(_HOUR_S)) if wall else ():
        _storm(report, step_s, options.seconds)
    if boot:
        _liveness(report)
    if other:
        _other_monotonic(report, options.seconds)
    return report.finish()


def _storm(report: Report, step_s: float, seconds: float) -> None:
    """A storm of writers whose wall clocks jump, or do not."""
    with Arena(_WRITERS) as arena:
        with Crew(deadline_s=120) as crew:
            workers = [crew.start(arena.writer(writer, slice_s=0, clock_step_s=step_s)) for writer in range(_WRITERS)]
            sleep(seconds)
            arena.board.stop()
            for worker in workers:
                worker.result()
        samples = arena.samples()
        judgement = arena.judged(samples)
    overtakings = len(overtakings_us(samples, _OVERTAKEN_BY_US))
    report.add(
        f"wall clocks that jump back and forth by {step_s / 3600:g} h in a storm of 8",
        times=judgement.acknowledged // 5,
        asked="nothing lost, nobody refused, nobody waits for an hour",
        found=f"{judgement}; waits {told(samples.wait_us / 1000)}; {overtakings} overtakings by more than 20 ms",
        good=judgement.sound and not judgement.refused and not judgement.failed and samples.wait_us.max() < 30e6,
    )


def _wait(database: str) -> _Waited:
    with Registry.open(database, policy=WriteQueue(patience=0.5)) as registry:
        started = monotonic()
        try:
            registry.sessions.register("late")
        except WriteTimeout as error:
            holder = error.holder
            return _Waited((monotonic() - started - 0.5) * 1000, None if holder is None else holder.held_s)
    raise AssertionError("admitted although another holds the lock")


def _other_monotonic(report: Report, seconds: float) -> None:
    """Half of a storm's writers, and a waiter, have a monotonic clock an hour ahead: containers can have that."""
    with Arena(_WRITERS) as arena, Crew(deadline_s=120) as here:
        if not shift_monotonic(_HOUR_S):
            report.add("another time namespace", times=0, asked="", found="not permitted here", good=None)
            return
        with Crew(deadline_s=120) as there:
            workers = [(here, there)[writer % 2].start(arena.writer(writer)) for writer in range(_WRITERS)]
            sleep(seconds)
            arena.board.stop()
            for worker in workers:
                worker.result()
            samples = arena.samples()
            judgement = arena.judged(samples)
            holder = here.start(Call(hold, (arena.database,)), wait=True)
            holder.wait_at_gate()
            waited: _Waited = there.start(Call.plain(_wait, arena.database)).result()
    begun_us = samples.started_us + samples.wait_us
    apart_s = float(np.ptp(begun_us)) / 1e6
    report.add(
        "a storm of 8 and a waiter of which half have a monotonic clock an hour ahead (time namespace)",
        times=len(samples),
        asked="nothing lost, nobody refused, nobody waits for a lease an hour long; patience holds",
        found=(
            f"{judgement}; waits {told(samples.wait_us / 1000)}; clocks {apart_s:,.0f} s apart; a wait of 0.5 s "
            f"deviates {waited.deviation_ms:.1f} ms, and says that the holder has held for {waited.held_s or 0:,.1f} s"
        ),
        good=judgement.sound and not judgement.refused and samples.wait_us.max() < 30e6 and waited.deviation_ms < 500,
    )


def _judge_at(directory: str, pid: int, step_s: int, database: str) -> Callable[[], tuple[bool, int]]:
    """After the clock stepped: is the process called dead, and how many sessions does the clean-up bury."""
    started, identity = process_start(pid), process_identity(pid)
    with Registry.open(database) as registry:
        registry.sessions.register("living", pid=pid)
    if not private_mounts():
        raise PermissionError("no mount namespace of our own is permitted here")
    _step_boot_time(directory, step_s)

    def run() -> tuple[bool, int]:
        with Registry.open(database) as registry:
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


def _liveness(report: Report) -> None:
    called_dead = []
    for step_s in _STEPS_S:
        with Arena(1) as arena, Crew(deadline_s=60) as crew:
            living = crew.start(Call(hold, (os.path.join(arena.directory, "other.db"),)), wait=True)
            living.wait_at_gate()
            judge = crew.start(Call(_judge_at, (arena.directory, living.pid, step_s, arena.database)))
            try:
                dead, buried = judge.result()
            except Exception as error:  # noqa: BLE001  whatever is not permitted here
                report.add("a step of the wall clock", times=0, asked="", found=f"not shown here: {error}", good=None)
                return
            if dead or buried:
                called_dead.append(f"{timedelta(seconds=abs(step_s))} {'back' if step_s < 0 else 'forth'}")
    report.add(
        "a step of the wall clock between the registering of a session and the look whether its process lives",
        times=len(_STEPS_S),
        asked="a living process is not called dead, nor its session marked as crashed by the clean-up",
        found=f"called dead after {', '.join(called_dead) or 'none'}; alive after the others",
        good=not called_dead,
    )


if __name__ == "__main__":
    sys.exit(main())
