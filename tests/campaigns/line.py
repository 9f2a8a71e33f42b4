"""The line of a database, as a campaign looks at it from outside."""

from __future__ import annotations

from time import monotonic, sleep

from pytest_sessionreg.processes import Call
from pytest_sessionreg.registry.sqlite.admission.queue.line import line_state
from tests.campaigns.arena import Arena
from tests.campaigns.crew import Crew, Worker
from tests.campaigns.waiter import wait

__all__ = ["join", "until_waiting"]


def until_waiting(database: str, count: int, seconds: float = 20) -> None:
    """Wait until `count` writers are in line."""
    deadline = monotonic() + seconds
    while True:
        state = line_state(database)
        if state is not None and state.waiting == count:
            return
        if monotonic() > deadline:
            raise TimeoutError(f"{database}: {state and state.waiting} in line after {seconds:g} s, not {count}")
        sleep(0.001)


def join(
    crew: Crew, arena: Arena, count: int, *, first: int = 0, patience_s: float = 60, hold_s: float = 0.001
) -> list[Worker]:
    """`count` waiters that came one after the other behind `first` others."""
    workers = []
    for number in range(first, first + count):
        workers.append(crew.start(Call(wait, (arena.database, number, (patience_s,), hold_s))))
        until_waiting(arena.database, number + 1)
    return workers
