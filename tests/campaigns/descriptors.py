"""No descriptor left (EMFILE): in a waiter, in the holder, at open; and what happens when there are some again.

    python -m tests.campaigns.descriptors [--rounds N]

RLIMIT_NOFILE is lowered, and all but a few descriptors are taken. Asked: nothing acknowledged is lost, whoever is open
already can write, an open that fails raises CannotOpen, and all is as before once descriptors are back.
"""

from __future__ import annotations

import os
import resource
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns, sleep

from pytest_sessionreg.processes import Call
from pytest_sessionreg.registry import Registry, RegistryError
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from tests.campaigns.arena import Arena
from tests.campaigns.crew import Crew
from tests.campaigns.finding import Report, parser, told
from tests.campaigns.holder import hold
from tests.campaigns.line import until_waiting
from tests.campaigns.storm_name import STORM

_FEWER = 4


@dataclass(frozen=True, slots=True)
class _Told:
    """What a starved process saw. outcome: "committed" or the error's class. waited_ms: until BEGIN or the error.
    again: the outcome once descriptors were back. warned: the queue's own warnings.
    """

    outcome: str
    waited_ms: float
    again: str
    warned: int


def _starved_waiter(database: str, writer: int, left: int, patience_s: float) -> Callable[[], _Told]:
    """Open, then wait in line with only `left` descriptors to be had."""
    registry = Registry.open(database, policy=WriteQueue(patience=patience_s))
    registry.sessions.list()
    warned = _count_warnings()

    def run() -> _Told:
        restore = _starve(left)
        started_ns = monotonic_ns()
        outcome = _write(registry, writer, 0)
        waited_ms = (monotonic_ns() - started_ns) / 1e6
        restore()
        again = _write(registry, writer, 1)
        registry.close()
        return _Told(outcome, waited_ms, again, len(warned))

    return run


def _starved_holder(database: str, writer: int) -> Callable[[], _Told]:
    """Be inside, with no descriptor left, and commit when the gate opens."""
    registry = Registry.open(database, policy=WriteQueue(patience=30))
    warned = _count_warnings()
    transaction = registry.transaction()
    transaction.__enter__()
    restore = _starve(0)

    def run() -> _Told:
        try:
            transaction.execute("INSERT INTO storm_writes VALUES (?, ?, 0)", (STORM, writer))
            transaction.__exit__(None, None, None)
            outcome = "committed"
        except RegistryError as error:
            outcome = type(error).__name__
        restore()
        again = _write(registry, writer, 1)
        registry.close()
        return _Told(outcome, 0, again, len(warned))

    return run


def _starved_opener(database: str, writer: int, left: int) -> Callable[[], _Told]:
    """Open with only `left` descriptors to be had, and write if that succeeds; then the same with enough."""
    Registry.open(database).close()  # its modules are files, too
    warned = _count_warnings()

    def run() -> _Told:
        restore = _starve(left)
        outcome = _open_and_write(database, writer, 0)
        restore()
        return _Told(outcome, 0, _open_and_write(database, writer, 1), len(warned))

    return run


def _open_and_write(database: str, writer: int, sequence: int) -> str:
    try:
        registry = Registry.open(database)
    except RegistryError as error:
        return f"{type(error).__name__} at open"
    except OSError as error:
        return f"{type(error).__name__} {error.errno} at open"
    outcome = _write(registry, writer, sequence)
    registry.close()
    return outcome


def _write(registry: Registry, writer: int, sequence: int) -> str:
    try:
        with registry.transaction() as transaction:
            transaction.execute("INSERT INTO storm_writes VALUES (?, ?, ?)", (STORM, writer, sequence))
    except RegistryError as error:
        return type(error).__name__
    except OSError as error:
        return f"{type(error).__name__} {error.errno}"
    return "committed"


def _starve(left: int) -> Callable[[], None]:
    """Leave only `left` descriptors to be had; returns what gives them back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    plugs: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, before[1]))
    try:
        while True:
            plugs.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        pass  # all are taken
    for _ in range(left):
        os.close(plugs.pop())

    def restore() -> None:
        for plug in plugs:
            os.close(plug)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    return restore


def _count_warnings() -> list[object]:
    warned: list[object] = []
    warnings.showwarning = lambda *words, **_: warned.append(words[0])
    return warned


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=5)
    options = options_parser.parse_args()
    report = Report("descriptors", options)
    for left in range(_FEWER):
        _tell(report, f"{left} descriptors left in a waiter", [_waiter(left, 30) for _ in range(options.rounds)])
    stopped = [_waiter(0, 0.3, release=False) for _ in range(options.rounds)]
    _tell_refused(report, stopped)
    _tell(report, "no descriptor left in the holder", [_holder() for _ in range(options.rounds)])
    for left in range(2 * _FEWER):
        _tell(report, f"{left} descriptors left at open", [_opener(left) for _ in range(options.rounds)], opening=True)
    return report.finish()


def _waiter(left: int, patience_s: float, *, release: bool = True) -> tuple[_Told, bool]:
    """What the waiter saw, and whether all that it was told is committed is there."""
    with Arena(1) as arena, Crew(deadline_s=60) as crew:
        holder = crew.start(Call(hold, (arena.database,)), wait=True)
        holder.wait_at_gate()
        call = Call(_starved_waiter, (arena.database, 1, left, patience_s))
        waiter = crew.start(call)
        if release:
            until_waiting(arena.database, 1)
            sleep(0.05)
        else:
            sleep(patience_s * 2)
        holder.go()
        holder.result()
        found: _Told = waiter.result()
        return found, _kept(arena, found)


def _holder() -> tuple[_Told, bool]:
    with Arena(1) as arena, Crew(deadline_s=60) as crew:
        holder = crew.start(Call(_starved_holder, (arena.database, 1)), wait=True)
        holder.wait_at_gate()
        waiter = crew.start(Call(_starved_waiter, (arena.database, 2, 16, 30)))
        until_waiting(arena.database, 1)
        holder.go()
        found: _Told = holder.result()
        behind: _Told = waiter.result()
        return found, arena.rows(STORM) == sum(
            outcome == "committed" for outcome in (found.outcome, found.again, behind.outcome, behind.again)
        )


def _opener(left: int) -> tuple[_Told, bool]:
    with Arena(1) as arena, Crew(deadline_s=60) as crew:
        found: _Told = crew.start(Call(_starved_opener, (arena.database, 1, left))).result()
        return found, _kept(arena, found)


def _kept(arena: Arena, found: _Told) -> bool:
    return arena.rows(STORM) == (found.outcome == "committed") + (found.again == "committed")


def _tell(report: Report, fault: str, rounds: list[tuple[_Told, bool]], *, opening: bool = False) -> None:
    outcomes = Counter(found.outcome for found, _ in rounds)
    again = sum(found.again == "committed" for found, _ in rounds)
    kept = sum(kept for _, kept in rounds)
    warned = sum(found.warned for found, _ in rounds)
    wanted = all(name == "committed" or (opening and name == "CannotOpen at open") for name in outcomes)
    named = ", ".join(f"{name} {times}" for name, times in outcomes.items())
    report.add(
        fault,
        times=len(rounds),
        asked=f"{'CannotOpen or a write' if opening else 'the write is done'}, then all is as before",
        found=(
            f"{named}; afterwards {again} of {len(rounds)} write; {kept} kept what was acknowledged; {warned} warnings"
        ),
        good=wanted and again == kept == len(rounds),
    )


def _tell_refused(report: Report, rounds: list[tuple[_Told, bool]]) -> None:
    refused = sum(found.outcome == "WriteTimeout" for found, _ in rounds)
    again = sum(found.again == "committed" and kept for found, kept in rounds)
    report.add(
        "no descriptor left in a waiter whose patience of 0.3 s ends",
        times=len(rounds),
        asked="WriteTimeout; the next write is done",
        found=f"{refused} refused after {told([found.waited_ms for found, _ in rounds])}; {again} wrote afterwards",
        good=refused == again == len(rounds),
    )


if __name__ == "__main__":
    sys.exit(main())
