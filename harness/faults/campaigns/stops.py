"""SIGSTOP of the holder, and of waiters.

Of the holder for longer than patience; of waiters in line, of its head, of one that is just joining. Asked: of a
stopped holder, that every waiter gets WriteTimeout in time (10 ms or 5 %), which names the holder as stopped, that
nobody writes out of turn, and that all go on after SIGCONT. Of any other process, that it is passed by.
"""

from __future__ import annotations

from functools import partial
from time import monotonic_ns

import numpy as np

from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue

from ..board import COMMITTING, INSIDE
from ..line import is_in_line, join_for_ever
from ..writer import RegistryWriter
from .campaign import Campaign
from .spread import describe, spread
from .waiter import Wait, is_out_of_order, prepare_holder, put_in_line, wait

__all__ = ["CASES", "run"]

CASES = ("holder", "waiters", "joiner", "storm")

_PRELOAD = (wait.__module__,)
_IMPATIENT = 8
_PATIENT = 8
_PATIENCE_S = 0.5
# Passing a stopped waiter takes two looks at the line, half a second apart; a loaded machine adds to it.
_PASSED_BY_S = 1.5
_STORM_WRITERS = 16
# Who is stopped, by place in a line of six.
_STOPPED = {"the head of the line": (0,), "a waiter in the middle": (2,), "a row of three waiters": (1, 2, 3)}


def run(campaign: Campaign, *, rounds: int = 20, joins: int = 20, stops: int = 80, only: str | None = None) -> None:
    """rounds: of a stopped holder, and half as many of each stopped waiter.
    joins: how many processes are stopped as they take their place.
    stops: how many in the storm.
    only: one target.
    """
    if only in (None, "holder"):
        _stop_holder(campaign, rounds)
    if only in (None, "waiters"):
        for name, places in _STOPPED.items():
            _stop_waiters(campaign, name, places, (rounds + 1) // 2)
    if only in (None, "joiner"):
        _stop_joiner(campaign, joins)
    if only in (None, "storm"):
        _stop_in_storm(campaign, stops)


def _stop_holder(campaign: Campaign, rounds: int) -> None:
    refused: list[Wait] = []
    named = early = out_of_order = unserved = 0
    for _ in range(rounds):
        with campaign.rig(0, deadline_s=60, preload=_PRELOAD) as rig:
            holder = prepare_holder(rig)
            holder.stop()
            patient = put_in_line(rig, _PATIENT)
            impatient = [
                rig.prepare(wait, rig.setup.database, number, (_PATIENCE_S, 60))
                for number in range(_PATIENT, _PATIENT + _IMPATIENT)
            ]
            for worker in impatient:
                worker.release()
            rig.sleep(_PATIENCE_S + 0.5)
            continued_ns = monotonic_ns()
            holder.cont()
            holder.release()
            holder.result()
            first = [worker.result()[0] for worker in patient]
            waits = [worker.result() for worker in impatient]
        given_up = [given[0] for given in waits if not given[0].admitted]
        refused += given_up
        named += sum(
            found.holder is not None and (found.holder.pid, found.holder.state) == (holder.pid, "stopped")
            for found in given_up
        )
        served = [*first, *(given[1] for given in waits)]
        early += sum(found.admitted and found.ended_ns < continued_ns for found in served)
        unserved += sum(not found.admitted for found in served)
        out_of_order += is_out_of_order([found.ended_ns for found in first])
    deviations = [found.deviation_ms for found in refused]
    late = sum(abs(found.deviation_ms) > found.tolerance_ms for found in refused)
    campaign.ask(
        "the holder is stopped for longer than patience",
        times=rounds,
        asked=f"every one of {_IMPATIENT} waiters of {_PATIENCE_S:g} s refused within 25 ms (5 %) of that",
        found=f"{len(refused)} refused, deviation {describe(deviations)}, {late} outside",
        good=not late and len(refused) == rounds * _IMPATIENT,
    )
    campaign.ask(
        "whom WriteTimeout names",
        times=len(refused),
        asked="the holder's pid, as stopped",
        found=f"{named} of {len(refused)}",
        good=named == len(refused),
    )
    campaign.ask(
        "SIGCONT after that",
        times=rounds,
        asked="nobody writes before, the patient go on, the refused next time (order is told, not asked)",
        found=f"{early} early, {out_of_order} rounds out of order, {unserved} not served",
        good=not early and not unserved,
    )
    campaign.measurements["holder stopped: deviation_ms"] = spread(deviations)


def _stop_waiters(campaign: Campaign, name: str, stopped: tuple[int, ...], rounds: int) -> None:
    passed_s, disorder, unserved = [], 0, 0
    for _ in range(rounds):
        with campaign.rig(0, deadline_s=60, preload=_PRELOAD) as rig:
            holder = prepare_holder(rig)
            workers = put_in_line(rig, 6)
            for place in stopped:
                workers[place].stop()
            campaign.check()
            holder.release()
            _, left_ns = holder.result()
            others = [worker.result()[0] for place, worker in enumerate(workers) if place not in stopped]
            for place in stopped:
                workers[place].cont()
            late = [workers[place].result()[0] for place in stopped]
        begun_ns = [found.ended_ns for found in others]
        disorder += is_out_of_order(begun_ns)
        unserved += sum(not found.admitted for found in (*others, *late))
        before_ns = max([left_ns, *(found.left_ns for found in others[: stopped[0]])])
        passed_s.append((begun_ns[stopped[0]] - before_ns) / 1e9)
    campaign.ask(
        f"{name} is stopped",
        times=rounds,
        asked=f"passed by within about a second (bar {_PASSED_BY_S:g} s), served after SIGCONT (order is told)",
        found=f"passed by after {describe(passed_s, 's')}; {disorder} rounds out of order, {unserved} not served",
        good=max(passed_s) < _PASSED_BY_S and not unserved,
    )
    campaign.measurements[f"{name}: passed_by_s"] = spread(passed_s)


def _stop_joiner(campaign: Campaign, joins: int) -> None:
    """Stop a process that does nothing but join, at random instants, until it is caught in line."""
    caught = tries = unserved = 0
    after_s: list[float] = []
    while caught < joins and tries < 200 * joins:
        with campaign.rig(0, deadline_s=120, preload=_PRELOAD) as rig:
            holder = prepare_holder(rig)
            joiner = rig.start(join_for_ever, rig.setup.database)
            rig.sleep(0.2)
            while True:
                tries += 1
                joiner.stop()
                if is_in_line(rig.setup.database):
                    break
                joiner.cont()
                rig.sleep(campaign.random.uniform(0, 0.002))
            caught += 1
            workers = [rig.start(wait, rig.setup.database, number, (30,), 0.001) for number in range(4)]
            rig.sleep(1.0)
            holder.release()
            _, left_ns = holder.result()
            waits = [worker.result()[0] for worker in workers]
        unserved += sum(not found.admitted for found in waits)
        after_s.append((max(found.ended_ns for found in waits) - left_ns) / 1e9)
    campaign.ask(
        "a process is stopped while it joins, with its byte locked and not asleep",
        times=caught,
        asked="four that come after it are served nevertheless; order may be lost",
        found=f"{unserved} not served, the last of four {describe(after_s, 's')} after the holder left ({tries} stops)",
        good=caught == joins and not unserved,
    )
    campaign.measurements["joiner stopped: last_of_four_s"] = spread(after_s)


def _stop_in_storm(campaign: Campaign, stops: int) -> None:
    chance = campaign.random
    make = partial(RegistryWriter, policy=WriteQueue(patience=60, slice=0.001))
    gaps_s: list[float] = []
    inside = 0
    spans = []
    with campaign.rig(_STORM_WRITERS, deadline_s=120 + 3 * stops) as rig:
        workers = [rig.start_writer(number, make) for number in range(_STORM_WRITERS)]
        rig.sleep(0.5)
        for _ in range(stops):
            number = chance.randrange(_STORM_WRITERS)
            workers[number].stop()
            from_us = monotonic_ns() // 1000
            held = rig.board.cell(number).read()[0] in (INSIDE, COMMITTING)
            inside += held
            rig.sleep(chance.uniform(0, 1.5))
            if not held:
                spans.append((from_us - 50_000, from_us + 2_000_000))
            workers[number].cont()
            rig.sleep(chance.uniform(0, 0.05))
        rig.finish(workers)
        samples = rig.samples()
        found = rig.verify()
    begun_us = np.sort(samples.started_us + samples.wait_us)
    for from_us, to_us in spans:
        within = begun_us[(begun_us > from_us) & (begun_us < to_us)]
        gaps_s.append(float(np.diff(within).max()) / 1e6 if len(within) > 1 else 0.0)
    campaign.ask(
        "SIGSTOP of anybody at random in a storm of 16 for 0 to 1.5 s",
        times=stops,
        asked="nothing lost, nobody refused (patience 60 s)",
        found=f"{found}; {inside} held the lock; during the others' stops nobody began for {describe(gaps_s, 's')}",
        good=found.flawless,
    )
    campaign.measurements["storm: longest pause per stop, s"] = spread(gaps_s)
