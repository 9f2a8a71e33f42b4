"""SIGKILL at random instants of a storm: before, inside and after a transaction, in line, in a checkpoint.

    python -m tests.campaigns.kills [--kills N]

Two storms of 16 writers; whoever dies is replaced. In the first, small transactions; in the second, rows of 64 KiB and
a checkpoint due at every COMMIT: there each victim is frozen first, so that the kernel's lock table tells whether it
was inside the checkpoint. Asked: no acknowledged write lost, integrity_check ok, the next writer admitted within 50 ms.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from time import sleep

import numpy as np

from pytest_sessionreg.registry.sqlite.admission.queue.kernel_locks import shm_locks
from pytest_sessionreg.results.samples import Samples
from tests.campaigns.arena import Arena
from tests.campaigns.board import COMMITTING, INSIDE, PHASES
from tests.campaigns.crew import Crew, Worker
from tests.campaigns.finding import Report, parser, spread, told

_WRITERS = 16
_BAR_MS = 50.0
# WAL_CKPT_LOCK: byte 121 of the -shm file (https://www.sqlite.org/walformat.html, 2.2).
_CHECKPOINT_LOCK = 121
# So often whoever is inside is chosen rather than anybody: else fifteen kills of sixteen hit a waiter.
_CHOOSE_INSIDE = 0.6


@dataclass(frozen=True, slots=True)
class Death:
    """writer: its number. phase: what it was doing. killed_ns, gone_ns: the SIGKILL, and when the kernel was done with
    it. begun_ns: its last BEGIN.
    """

    writer: int
    phase: str
    killed_ns: int
    gone_ns: int
    begun_ns: int


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--kills", type=int, default=1000)
    options = options_parser.parse_args()
    report = Report("kills", options)
    random.seed(options.seed)
    ordinary = options.kills * 7 // 10
    _campaign(report, "ordinary storm", ordinary)
    _campaign(report, "a checkpoint at every COMMIT", options.kills - ordinary)
    return report.finish()


def _campaign(report: Report, name: str, kills: int) -> None:
    checkpoints = name != "ordinary storm"
    orders = {"row_bytes": 65536, "checkpoint_pages": 1, "hold_s": 0.0} if checkpoints else {}
    with Arena(_WRITERS + kills) as arena:
        with Crew(deadline_s=60 + kills) as crew:
            workers = {writer: crew.start(arena.writer(writer, **orders)) for writer in range(_WRITERS)}
            sleep(0.5)
            deaths = []
            for kill in range(kills):
                sleep(random.uniform(0.02, 0.08))
                writer = _victim(arena, list(workers))
                deaths.append(_kill(arena, crew, writer, workers.pop(writer), freeze=checkpoints))
                workers[_WRITERS + kill] = crew.start(arena.writer(_WRITERS + kill, **orders))
            sleep(0.5)
            arena.board.stop()
            for worker in workers.values():
                worker.result()
        samples = arena.samples()
        judgement = arena.judged(samples)
    report.add(
        f"SIGKILL, {name}",
        times=kills,
        asked="0 acknowledged writes lost, 0 refused or failed, integrity ok",
        found=str(judgement),
        good=judgement.sound and not judgement.refused and not judgement.failed,
    )
    _tell_next(report, name, deaths, samples)


def _victim(arena: Arena, alive: list[int]) -> int:
    """Whom to kill: whoever is inside just now, or anybody."""
    if random.random() < _CHOOSE_INSIDE:
        for writer in random.sample(alive, len(alive)):
            if arena.board.cell(writer).read()[0] in (INSIDE, COMMITTING):
                return writer
    return random.choice(alive)


def _kill(arena: Arena, crew: Crew, writer: int, worker: Worker, *, freeze: bool) -> Death:
    checkpointing = False
    if freeze:
        worker.stop()
        checkpointing = (worker.pid, _CHECKPOINT_LOCK) in shm_locks(arena.database)
    killed_ns, gone_ns = worker.kill()
    phase, begun_ns, _ = arena.board.cell(writer).read()
    crew.bury(worker)
    return Death(writer, "in a checkpoint" if checkpointing else PHASES[phase], killed_ns, gone_ns, begun_ns)


def _tell_next(report: Report, name: str, deaths: list[Death], samples: Samples) -> None:
    """How long after each death the next writer was admitted; BEGINs of writers that died inside count as well."""
    begun_ns = np.concatenate(
        [(samples.started_us + samples.wait_us)[samples.hold_us > 0] * 1000, [death.begun_ns for death in deaths]]
    )
    writers = np.concatenate([samples.worker[samples.hold_us > 0], [death.writer for death in deaths]])
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
    report.add(
        f"the next writer after each death, {name}",
        times=len(every),
        asked=f"admitted within {_BAR_MS:g} ms of the kernel's word that the victim is gone",
        found=(
            f"{told(every)} after the SIGKILL ({over} over {_BAR_MS:g} ms); the kernel took {told(dying_ms)} to end "
            f"the victim, and {late} came later than {_BAR_MS:g} ms after that"
        ),
        good=not late,
    )
    by_phase = "; ".join(f"{phase} {len(values)} ({told(values)})" for phase, values in sorted(next_ms.items()))
    report.add(f"where they were killed, {name}", times=len(every), asked="", found=by_phase, good=None)
    report.measurements[name] = {
        "next_ms": {phase: spread(values) for phase, values in next_ms.items()},
        "dying_ms": spread(dying_ms),
        "next_after_death_ms": spread(from_death_ms),
        "over_50_ms_after_the_kill": over,
        "every_next_ms": {phase: [round(ms, 3) for ms in values] for phase, values in next_ms.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
