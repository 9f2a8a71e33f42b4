"""The open storm: rounds of openers at one barrier, for each state and each order of the steps."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence

from pytest_sessionreg.processes import Call, Group
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment

from ..rounds import interleave_rounds
from . import opener, stage
from .opener import Opened
from .orders import ORDER_NAMES, PATIENCE_S, Order, order_named
from .result import KIND, SCHEMA, OpeningFailure, OpeningRound, OpenStormResult
from .stage import STATES

__all__ = ["open_storm"]

# Beyond the holder's time and an opener's patience: starting the processes, recovery, and a busy machine.
_SLACK_S = 60.0


def open_storm(
    *,
    openers: int = 16,
    rounds: int = 20,
    orders: Sequence[str] = ORDER_NAMES,
    states: Sequence[str] = tuple(STATES),
    hold_ms: float = 300.0,
    command: str = "",
    on_step: Callable[[str, float, float], None] = lambda _now, _done, _total: None,
    check: Callable[[], None] = lambda: None,
) -> OpenStormResult:
    """Open one database from `openers` processes at once, `rounds` times for each of `orders` on each of `states`.

    The rounds of all orders and states are interleaved. hold_ms: how long the writer of the state "held" keeps the
    write lock. on_step is told what runs now; check may raise KeyboardInterrupt, between rounds and ten times a second:
    then what was measured so far is returned, labelled as partial, as after a failure of the machine or the
    harness; where there is nothing yet, the error is raised.
    """
    cells = [(state, name) for state in states for name in orders]
    environment = Environment.of(os.path.join(tempfile.gettempdir(), "open.db"))

    def race(cell: tuple[str, str], _number: int) -> OpeningRound:
        state, name = cell
        return _opening_round(order_named(name), state, openers, hold_ms, check)

    done, partial = interleave_rounds(
        cells, rounds, race, lambda cell: f"{cell[0]} file, {cell[1]}", on_step=on_step, check=check
    )
    return OpenStormResult(
        envelope=Envelope(KIND, SCHEMA, command, environment, partial),
        openers=openers,
        rounds_planned=rounds,
        hold_ms=hold_ms,
        rounds=tuple(done),
    )


def _opening_round(order: Order, state: str, openers: int, hold_ms: float, check: Callable[[], None]) -> OpeningRound:
    hold_s = hold_ms / 1000
    with tempfile.TemporaryDirectory(prefix="sessionreg-open-") as scratch:
        path = os.path.join(scratch, "open.db")
        # The gate opens when the stage's preparation is done: the openers find the state complete.
        calls = [Call(stage.prepare, (path, state, order.name, hold_s))]
        calls += [Call(opener.prepare, (path, order.name))] * openers
        deadline_s = _SLACK_S + hold_s + 2 * PATIENCE_S
        with Group(calls, deadline_s=deadline_s, preload=[opener.__name__, stage.__name__], scratch=scratch) as group:
            opened: list[Opened] = group.run(check)[1:]
        return OpeningRound(
            order=order.name,
            state=state,
            openers=openers,
            failures=_failures(opened),
            took_ms=tuple(sorted(round(entry.took_ms, 3) for entry in opened)),
            integrity=_integrity(path),
        )


def _failures(opened: Sequence[Opened]) -> tuple[OpeningFailure, ...]:
    counted = Counter((entry.phase, entry.code, entry.kind or "") for entry in opened if entry.phase is not None)
    return tuple(OpeningFailure(phase, code, kind, count) for (phase, code, kind), count in counted.most_common())


def _integrity(path: str) -> str:
    connection = sqlite3.connect(path, timeout=PATIENCE_S)
    try:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    finally:
        connection.close()
    return str(verdict)
