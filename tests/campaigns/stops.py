"""SIGSTOP of the holder for longer than patience; of waiters in line, of its head, of whoever is just joining.

    python -m tests.campaigns.stops [--rounds N] [--stops N] [--joins N]

Asked: of a stopped holder, that every waiter gets WriteTimeout in time (10 ms or 5 %), which names the holder as
stopped, that nobody writes out of turn, and that all go on after SIGCONT. Of anybody else, that he is passed by.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from time import monotonic, monotonic_ns, sleep

import numpy as np

from pytest_sessionreg.processes import Call
from pytest_sessionreg.registry.sqlite.admission.queue.byte_locks import ByteLocks
from pytest_sessionreg.registry.sqlite.admission.queue.ticket_file import JOIN
from pytest_sessionreg.registry.sqlite.admission.queue.ticket_line import TicketLine
from tests.campaigns.arena import Arena
from tests.campaigns.board import COMMITTING, INSIDE
from tests.campaigns.crew import Crew
from tests.campaigns.finding import Report, parser, spread, told
from tests.campaigns.holder import hold
from tests.campaigns.line import join
from tests.campaigns.waiter import Wait, wait

_IMPATIENT = 8
_PATIENT = 4
_PATIENCE_S = 0.5
# Passing a stopped waiter takes two looks at the line, half a second apart; a loaded machine adds to it.
_PASSED_BY_S = 1.5
_STORM_WRITERS = 16
# Who is stopped, by place in a line of six.
_STOPPED = {"the head of the line": (0,), "a waiter in the middle": (2,), "a row of three waiters": (1, 2, 3)}


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=20)
    options_parser.add_argument("--stops", type=int, default=80)
    options_parser.add_argument("--joins", type=int, default=20)
    options = options_parser.parse_args()
    random.seed(options.seed)
    report = Report("stops", options)
    if options.rounds:
        _holder_stopped(report, options.rounds)
        for name, stopped in _STOPPED.items():
            _waiter_stopped(report, name, stopped, (options.rounds + 1) // 2)
    if options.joins:
        _joiner_stopped(report, options.joins)
    if options.stops:
        _storm(report, options)
    return report.finish()


def _holder_stopped(report: Report, rounds: int) -> None:
    refused: list[Wait] = []
    named = early = out_of_order = unserved = 0
    for _ in range(rounds):
        with Arena(1) as arena, Crew(deadline_s=60) as crew:
            holder = crew.start(Call(hold, (arena.database,)), wait=True)
            holder.wait_at_gate()
            holder.stop()
            patient = join(crew, arena, _PATIENT)
            calls = [
                Call(wait, (arena.database, number, (_PATIENCE_S, 60)))
                for number in range(_PATIENT, _PATIENT + _IMPATIENT)
            ]
            impatient = [crew.start(call, wait=True) for call in calls]
            for worker in impatient:
                worker.wait_at_gate()
            for worker in impatient:
                worker.go()
            sleep(_PATIENCE_S + 0.5)
            continued_ns = monotonic_ns()
            holder.go_on()
            holder.go()
            holder.result()
            first = [worker.result()[0] for worker in patient]
            waits = [worker.result() for worker in impatient]
            refused += [given[0] for given in waits if not given[0].admitted]
            named += sum(
                (given[0].holder_pid, given[0].holder_state) == (holder.pid, "stopped")
                for given in waits
                if not given[0].admitted
            )
            served = [*first, *(given[1] for given in waits)]
            early += sum(found.admitted and found.ended_ns < continued_ns for found in served)
            unserved += sum(not found.admitted for found in served)
            out_of_order += [found.ended_ns for found in first] != sorted(found.ended_ns for found in first)
    deviations = [found.deviation_ms for found in refused]
    late = sum(not found.in_time for found in refused)
    report.add(
        "the holder is stopped for longer than patience",
        times=rounds,
        asked=f"every one of {_IMPATIENT} waiters of {_PATIENCE_S:g} s refused within 25 ms (5 %) of that",
        found=f"{len(refused)} refused, deviation {told(deviations)}, {late} outside",
        good=not late and len(refused) == rounds * _IMPATIENT,
    )
    report.add(
        "whom WriteTimeout names",
        times=len(refused),
        asked="the holder's pid, as stopped",
        found=f"{named} of {len(refused)}",
        good=named == len(refused),
    )
    report.add(
        "SIGCONT after that",
        times=rounds,
        asked="nobody writes before, the patient go on in the order in which they came, the refused next time",
        found=f"{early} early, {out_of_order} rounds out of order, {unserved} not served",
        good=not early and not out_of_order and not unserved,
    )
    report.measurements["holder stopped: deviation_ms"] = spread(deviations)


def _waiter_stopped(report: Report, name: str, stopped: tuple[int, ...], rounds: int) -> None:
    passed_s, disorder, unserved = [], 0, 0
    for _ in range(rounds):
        with Arena(1) as arena, Crew(deadline_s=60) as crew:
            holder = crew.start(Call(hold, (arena.database,)), wait=True)
            holder.wait_at_gate()
            workers = join(crew, arena, 6)
            for place in stopped:
                workers[place].stop()
            holder.go()
            _, left_ns = holder.result()
            others = [worker.result()[0] for place, worker in enumerate(workers) if place not in stopped]
            for place in stopped:
                workers[place].go_on()
            late = [workers[place].result()[0] for place in stopped]
            begun_ns = [found.ended_ns for found in others]
            disorder += begun_ns != sorted(begun_ns)
            unserved += sum(not found.admitted for found in (*others, *late))
            before_ns = max([left_ns, *(found.left_ns for found in others[: stopped[0]])])
            passed_s.append((begun_ns[stopped[0]] - before_ns) / 1e9)
    report.add(
        f"{name} is stopped",
        times=rounds,
        asked=f"passed by within about a second (bar {_PASSED_BY_S:g} s), the others in order, served after SIGCONT",
        found=f"passed by after {told(passed_s, 's')}; {disorder} rounds out of order, {unserved} not served",
        good=max(passed_s) < _PASSED_BY_S and not disorder and not unserved,
    )
    report.measurements[f"{name}: passed_by_s"] = spread(passed_s)


def _join_for_ever(sidecar: str) -> Callable[[], None]:
    line = TicketLine(sidecar)

    def run() -> None:
        while True:
            line._join(monotonic() + 60)
            line.give_up()

    return run


def _joiner_stopped(report: Report, joins: int) -> None:
    """Stop a process that does nothing but join, at random instants, until it has been caught with the join byte."""
    caught = tries = unserved = 0
    after_s: list[float] = []
    while caught < joins and tries < 200 * joins:
        with Arena(1) as arena, Crew(deadline_s=120) as crew:
            holder = crew.start(Call(hold, (arena.database,)), wait=True)
            holder.wait_at_gate()
            joiner = crew.start(Call(_join_for_ever, (arena.sidecar,)))
            locks = ByteLocks(arena.sidecar)
            sleep(0.2)
            while True:
                tries += 1
                joiner.stop()
                if not locks.is_free(JOIN):
                    break
                joiner.go_on()
                sleep(random.uniform(0, 0.002))
            locks.close()
            caught += 1
            workers = [crew.start(Call(wait, (arena.database, number, (30,), 0.001))) for number in range(4)]
            sleep(1.0)
            holder.go()
            _, left_ns = holder.result()
            waits = [worker.result()[0] for worker in workers]
            unserved += sum(not found.admitted for found in waits)
            after_s.append((max(found.ended_ns for found in waits) - left_ns) / 1e9)
    report.add(
        "a process is stopped while it takes its ticket, with the join byte",
        times=caught,
        asked="four that come after it are served nevertheless; order may be lost",
        found=f"{unserved} not served, the last of four {told(after_s, 's')} after the holder left ({tries} stops)",
        good=caught == joins and not unserved,
    )
    report.measurements["joiner stopped: last_of_four_s"] = spread(after_s)


def _storm(report: Report, options: argparse.Namespace) -> None:
    gaps_s: list[float] = []
    inside = 0
    with Arena(_STORM_WRITERS) as arena:
        with Crew(deadline_s=120 + 3 * options.stops) as crew:
            workers = [crew.start(arena.writer(writer, patience_s=60)) for writer in range(_STORM_WRITERS)]
            sleep(0.5)
            spans = []
            for _ in range(options.stops):
                writer = random.randrange(_STORM_WRITERS)
                from_ns = workers[writer].stop()
                held = arena.board.cell(writer).read()[0] in (INSIDE, COMMITTING)
                inside += held
                sleep(random.uniform(0, 1.5))
                spans.append((from_ns, from_ns + 2_000_000_000, held))
                workers[writer].go_on()
                sleep(random.uniform(0, 0.05))
            arena.board.stop()
            for worker in workers:
                worker.result()
        samples = arena.samples()
        judgement = arena.judged(samples)
    begun_us = np.sort(samples.started_us + samples.wait_us)
    for from_ns, to_ns, held in spans:
        if not held:
            within = begun_us[(begun_us > from_ns // 1000 - 50_000) & (begun_us < to_ns // 1000)]
            gaps_s.append(float(np.diff(within).max()) / 1e6 if len(within) > 1 else 0.0)
    report.add(
        "SIGSTOP of anybody at random in a storm of 16 for 0 to 1.5 s",
        times=options.stops,
        asked="nothing lost, nobody refused (patience 60 s)",
        found=f"{judgement}; {inside} held the lock; during the others' stops nobody began for {told(gaps_s, 's')}",
        good=judgement.sound and not judgement.refused and not judgement.failed,
    )
    report.measurements["storm: longest pause per stop, s"] = spread(gaps_s)


if __name__ == "__main__":
    sys.exit(main())
