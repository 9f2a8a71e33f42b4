"""The capacity search: probe loads with real storms, close in on the frontier, then spend what time is left on it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from pytest_sessionreg.error_base import ResultError
from pytest_sessionreg.registry.sqlite.admission.retry_budget import RetryBudget
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.results.result import StormRun, quantile
from pytest_sessionreg.storm.defaults import HOLD_MS, THINK_MS, WORKERS
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

from ..interruption import STOPPERS, is_interrupt, reason
from .law import longest_patience_ms
from .load import CapacityRound, Target, loads_by_writers
from .result import KIND, SCHEMA, CapacityResult, bracket, frontier_point
from .search import COARSE, FINE, next_load

__all__ = ["HOLDS_MS", "ROUND_S", "capacity"]

HOLDS_MS = (2.0, 6.0, 18.0)
ROUND_S = 1.5
# Long enough for a budget that begins early to be exhausted while the others are still writing.
_SURVIVAL_ROUND_S = 1.4 * longest_patience_ms() / 1000
# More rounds at one point than these prove the usual target of 99 % (see confidence).
_MOST_ROUNDS = 300
# Where the search begins, as writers x hold in ms: where these policies were found on a machine of two cores. A bad
# guess costs time, never the answer.
_GUESS_MS = {"budget": 30.0, "busy-timeout": 100.0, "interval": 250.0, "queue": 350.0}
_SURVIVAL_GUESS_MS = 130.0


class _Search:
    """The rounds so far and the deadline."""

    def __init__(self, result: CapacityResult, report: Callable[[str], None], check: Callable[[], None]) -> None:
        self._frame = result
        self._report = report
        self._check = check
        self._deadline = monotonic() + result.planned_s
        self.rounds: list[CapacityRound] = list(result.rounds)

    @property
    def time_is_up(self) -> bool:
        """Whether the time is up."""
        return monotonic() >= self._deadline

    def close_in(self, question: str, policy: str, hold_ms: float, resolution: float) -> None:
        """Probe until the gap is as narrow as `resolution`, or the time is up."""
        frame = self._frame
        while not self.time_is_up:
            loads = loads_by_writers(self.rounds, question, policy, hold_ms)
            undecided = [load.writers for load in loads.values() if load.holds(question, frame.target) is None]
            held, failed = bracket(loads, question, frame.target)
            start = self._guess(question, policy, hold_ms)
            following = next_load(held, failed, start=start, ceiling=frame.ceiling, resolution=resolution)
            writers = undecided[0] if undecided else following
            if writers is None:
                return
            self._probe(question, policy, hold_ms, writers, "searching")

    def confirm(self, question: str, policy: str, hold_ms: float) -> bool:
        """One more round where the frontier lies, and what follows if it lies elsewhere then; False where nothing more
        is to be learned, or the time is up.
        """
        loads = loads_by_writers(self.rounds, question, policy, hold_ms)
        held, _ = bracket(loads, question, self._frame.target)
        if self.time_is_up or not held or len(loads[held].rounds) >= _MOST_ROUNDS:
            return False
        self._probe(question, policy, hold_ms, held, "confirming")
        self.close_in(question, policy, hold_ms, FINE)
        return True

    def _guess(self, question: str, policy: str, hold_ms: float) -> int:
        """By the law, writers x hold is the same at every hold: the nearest hold that is done tells where to begin."""
        frame = self._frame
        points = [
            frontier_point(tuple(self.rounds), question, policy, other, target=frame.target, ceiling=frame.ceiling)
            for other in frame.holds_ms
        ]
        done = [(abs(point.hold_ms - hold_ms), point.held * point.hold_ms) for point in points if point.held]
        if done:
            load_ms = min(done)[1]
        elif question == "survival":
            load_ms = _SURVIVAL_GUESS_MS
        else:
            load_ms = _GUESS_MS.get(policy, 100.0)
        return max(1, round(load_ms / hold_ms))

    def _probe(self, question: str, policy: str, hold_ms: float, writers: int, what: str) -> None:
        frame = self._frame
        self._check()
        limit = "no write given up" if question == "survival" else f"p99 <= {frame.target.p99_ms:g} ms"
        self._report(f"{what} {policy}, {writers} x {hold_ms:g} ms, {limit}")
        seed = len(self.rounds) + 1
        plan = Plan(
            policy=policy_named(policy),
            workers=writers,
            writes=None,
            duration_s=frame.survival_round_s if question == "survival" else frame.round_s,
            hold_ms=hold_ms,
            think_ms=frame.think_ms,
            seed=seed,
        )
        run = run_storm(plan, lambda _progress: self._check())
        self.rounds.append(_round(question, run, frame.target))


def capacity(
    *,
    policies: Sequence[str] = POLICY_NAMES,
    target: Target | None = None,
    holds_ms: Sequence[float] = HOLDS_MS,
    think_ms: float = THINK_MS,
    workers: int = WORKERS,
    hold_ms: float = HOLD_MS,
    ceiling: int = 256,
    seconds: float = 270.0,
    round_s: float = ROUND_S,
    earlier: CapacityResult | None = None,
    command: str = "",
    on_step: Callable[[str, float, float], None] = lambda _now, _done, _total: None,
    check: Callable[[], None] = lambda: None,
) -> CapacityResult:
    """Find the largest number of writers at which `target` holds, for each of `policies` and each of `holds_ms`.

    workers, hold_ms: the load that is asked about; its hold is searched first.
    think_ms: mean pause before each write.
    seconds: for all of it; what the search leaves is spent on more rounds at the frontier.
    round_s: how long each storm lasts.
    earlier: a result with the same parameters from the same machine, whose rounds are kept. on_step is told what runs
        now, check may raise KeyboardInterrupt: then, and after a failure of the machine or the harness, what was
        measured so far is returned, labelled as partial; where there is nothing yet, the error is raised.

    Raises StormError for parameters that make no storm, ResultError for an earlier result that does not fit.
    """
    Plan(policy_named(policies[0]), workers=workers, hold_ms=hold_ms, think_ms=think_ms)
    environment = Environment.of(os.path.join(tempfile.gettempdir(), "storm.db"))
    frame = CapacityResult(
        envelope=Envelope(KIND, SCHEMA, command, environment),
        target=target or Target(),
        policies=tuple(policies),
        holds_ms=tuple(sorted({*holds_ms, hold_ms})),
        think_ms=think_ms,
        workers=workers,
        hold_ms=hold_ms,
        ceiling=ceiling,
        round_s=round_s,
        survival_round_s=max(round_s, _SURVIVAL_ROUND_S) if round_s >= ROUND_S else round_s,
        planned_s=seconds,
        rounds=(),
    )
    if earlier is not None:
        frame = _continue_from(frame, earlier)
    started = monotonic()
    search = _Search(frame, lambda now: on_step(now, monotonic() - started, seconds), check)
    partial = None
    try:
        points = [("target", policy, hold) for hold in _holds_in_order(frame) for policy in policies]
        points += [("survival", name, hold) for hold in _holds_in_order(frame) for name in policies if _is_budget(name)]
        for resolution in (COARSE, FINE):
            for point in points:
                search.close_in(*point, resolution)
        open_points = points
        while open_points:
            open_points = [point for point in open_points if search.confirm(*point)]
    except STOPPERS as stopper:
        if not search.rounds:
            if is_interrupt(stopper):
                raise KeyboardInterrupt from stopper
            raise
        partial = reason(stopper)
    return _replace_rounds(frame, rounds=tuple(search.rounds), partial=partial)


def _holds_in_order(frame: CapacityResult) -> list[float]:
    return sorted(frame.holds_ms, key=lambda hold: (hold != frame.hold_ms, hold))


def _is_budget(name: str) -> bool:
    return isinstance(policy_named(name), RetryBudget)


def _replace_rounds(frame: CapacityResult, *, rounds: tuple[CapacityRound, ...], partial: str | None) -> CapacityResult:
    return replace(frame, rounds=rounds, envelope=replace(frame.envelope, partial=partial))


def _continue_from(frame: CapacityResult, earlier: CapacityResult) -> CapacityResult:
    """`frame` with the rounds of `earlier`. Raises ResultError where they were not measured the same way."""
    same = ("target", "think_ms", "round_s", "survival_round_s")
    differing = [name for name in same if getattr(frame, name) != getattr(earlier, name)]
    ours, theirs = frame.envelope.environment, earlier.envelope.environment
    machine = ("python", "sqlite_source_id", "kernel", "cpu", "cpu_count", "file_system")
    differing += [name for name in machine if getattr(ours, name) != getattr(theirs, name)]
    if differing:
        raise ResultError(
            f"the earlier result was measured with another {' and another '.join(differing)}; start a new one"
        )
    return _replace_rounds(frame, rounds=earlier.rounds, partial=None)


def _round(question: str, run: StormRun, target: Target) -> CapacityRound:
    latency_ms = run.samples.latency_us / 1000
    p99 = quantile(latency_ms, 0.99)
    return CapacityRound(
        question=question,
        policy=run.policy,
        hold_ms=run.hold_ms,
        writers=run.workers,
        seed=run.seed,
        writes=run.counts.attempted,
        gave_up=run.counts.exhausted + run.counts.failed,
        slow=int((latency_ms > target.p99_ms).sum()),
        p99_ms=None if p99 is None else round(p99, 3),
        longest_ms=round(float(latency_ms.max()), 3),
        utilization=round(run.utilization or 0.0, 4),
        lost=run.counts.lost or 0,
    )
