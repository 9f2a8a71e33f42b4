"""Fork with an open registry: idle, waiting in line, holding the lock; the child lives on, exits or is killed.

    python -m tests.campaigns.forks [--rounds N]

By os.fork and by multiprocessing; the parent goes on or is killed meanwhile. Asked: the child may not use the registry,
a write that was acknowledged stays, and the child keeps no lock alive: the next writer comes once the parent is done.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from threading import Thread
from time import monotonic, monotonic_ns, sleep

from pytest_sessionreg.processes import Call
from pytest_sessionreg.registry import Registry, RegistryError
from pytest_sessionreg.registry.errors import WrongOwner
from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue
from tests.campaigns.arena import Arena
from tests.campaigns.board import THINKING, Board, Cell
from tests.campaigns.crew import Crew, Worker
from tests.campaigns.finding import Report, parser, spread, told
from tests.campaigns.holder import hold
from tests.campaigns.line import until_waiting
from tests.campaigns.storm_name import STORM
from tests.campaigns.waiter import wait

_STATES = ("idle", "waiting", "holding")
_METHODS = ("os.fork", "multiprocessing")
_FATES = ("lives on", "exits", "is killed")
_ENDS = ("goes on", "is killed")
_NEXT_BAR_MS = 1000.0


@dataclass(frozen=True, slots=True)
class _Case:
    state: str
    method: str
    fate: str
    end: str


def _parent(database: str, board: str, case: _Case) -> Callable[[], bool]:
    """The process that forks; its result is whether its own write was acknowledged."""
    warnings.simplefilter("ignore", DeprecationWarning)  # to fork beside a waiting thread is what this is about
    registry = Registry.open(database, policy=WriteQueue(patience=30))
    registry.sessions.list()
    cells = Board(board, 2)
    transaction = registry.transaction()
    if case.state == "holding":
        transaction.__enter__()
    if case.state != "waiting":
        _fork(registry, cells, case)

    def run() -> bool:
        if case.state == "waiting":
            Thread(target=_fork_soon, args=(registry, cells, case)).start()
        if case.state != "holding":
            transaction.__enter__()
        transaction.execute("INSERT INTO storm_writes VALUES (?, 0, 0)", (STORM,))
        transaction.__exit__(None, None, None)
        return True

    return run


def _fork_soon(registry: Registry, cells: Board, case: _Case) -> None:
    sleep(0.1)
    _fork(registry, cells, case)


def _fork(registry: Registry, cells: Board, case: _Case) -> None:
    if case.method == "os.fork":
        child = os.fork()
        if not child:
            try:
                _child(registry, cells.cell(1), case.fate)
            finally:
                os._exit(0)
    else:
        process = get_context("fork").Process(target=_child, args=(registry, cells.cell(1), case.fate), daemon=True)
        process.start()
        child = process.pid or 0
    cells.cell(0).take(child)


def _child(registry: Registry, cell: Cell, fate: str) -> None:
    """Try to use what belongs to the parent; then live on, or end."""
    refused = 0
    for attempt in (registry.sessions.list, partial(registry.sessions.register, "child"), registry.close):
        try:
            attempt()
        except WrongOwner:
            refused += 1
        except RegistryError:
            pass
    if refused == 3:
        cell.enter(THINKING)
    if fate != "exits":
        sleep(60)


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--rounds", type=int, default=5)
    options_parser.add_argument("--fate", choices=_FATES, help="of the child, one instead of all")
    options = options_parser.parse_args()
    fates = [options.fate] if options.fate else _FATES
    report = Report("forks", options)
    for state in _STATES:
        next_ms: list[float] = []
        lost = used = unserved = 0
        for method, fate, end in product(_METHODS, fates, _ENDS):
            for _ in range(options.rounds):
                waited_ms, acknowledged_lost, refused = _round(_Case(state, method, fate, end))
                lost += acknowledged_lost
                used += not refused
                unserved += waited_ms is None
                next_ms += [] if waited_ms is None else [waited_ms]
        times = len(_METHODS) * len(fates) * len(_ENDS) * options.rounds
        late = sum(ms > _NEXT_BAR_MS for ms in next_ms)
        report.add(
            f"a fork by a process that is {state}",
            times=times,
            asked="the child is refused, nothing acknowledged is lost, the child keeps no lock alive",
            found=f"{used} children could use it, {lost} lost, {unserved} next writers refused",
            good=not lost and not used and not unserved,
        )
        report.add(
            f"the next writer after a fork by a process that is {state}",
            times=len(next_ms),
            asked=f"BEGIN within {_NEXT_BAR_MS:g} ms of the parent's end or death",
            found=f"{told(next_ms)}; {late} later",
            good=not late,
        )
        report.measurements[f"{state}: next_ms"] = spread(next_ms)
    return report.finish()


def _round(case: _Case) -> tuple[float | None, int, bool]:
    """How long the next writer waited from the parent's end on (None: refused), what was lost, and whether the child
    was refused.
    """
    with Arena(2) as arena, Crew(deadline_s=60) as crew:
        holder = crew.start(Call(hold, (arena.database,)), wait=True)
        holder.wait_at_gate()
        if case.state != "waiting":
            holder.go()
            holder.result()
        board = os.path.join(arena.directory, "board")
        parent = crew.start(Call(_parent, (arena.database, board, case)), wait=True)
        if case.state == "waiting":
            parent.go()
        child = _child_of(arena)
        refused = _until_refused(arena)
        if case.fate == "is killed":
            os.kill(child, signal.SIGKILL)
        following = crew.start(Call(wait, (arena.database, 1, (10,))), wait=True)
        following.wait_at_gate()
        return _end(case, arena, parent, holder, following), _lost(case, arena, parent), refused


def _end(case: _Case, arena: Arena, parent: Worker, holder: Worker, following: Worker) -> float | None:
    """Let the parent end as the case says, with the next writer in line behind it."""
    if case.state != "idle":
        following.go()
        until_waiting(arena.database, 2 if case.state == "waiting" else 1)
    done_ns = monotonic_ns()
    if case.end == "is killed":
        parent.kill()
    elif case.state != "waiting":
        parent.go()
        parent.result()
    if case.state == "waiting":
        holder.go()
        _, done_ns = holder.result()
    if case.state == "idle":
        done_ns = monotonic_ns()
        following.go()
    (found,) = following.result()
    return max(found.ended_ns - done_ns, 0) / 1e6 if found.admitted else None


def _lost(case: _Case, arena: Arena, parent: Worker) -> int:
    if case.end == "is killed":
        return 0
    if case.state == "waiting":
        parent.result()
    with Registry.open(arena.database) as registry:
        rows = registry._database.read("SELECT count(*) FROM storm_writes WHERE worker = 0")
    return int(rows != [(1,)])


def _child_of(arena: Arena) -> int:
    return _until(lambda: arena.board.cell(0).read()[2])


def _until_refused(arena: Arena) -> bool:
    return bool(_until(lambda: arena.board.cell(1).read()[0]))


def _until(look: Callable[[], int], seconds: float = 10) -> int:
    deadline = monotonic() + seconds
    while not (found := look()) and monotonic() < deadline:
        sleep(0.001)
    return found


if __name__ == "__main__":
    sys.exit(main())
