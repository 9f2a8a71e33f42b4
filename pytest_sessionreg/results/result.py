"""What a storm found: frozen, typed, and stored as versioned JSON with the raw samples, so that every summary can be
made again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .envelope import Envelope
from .environment import Environment
from .failures import WriteFailure
from .samples import Samples

__all__ = ["SCHEMA", "Counts", "Quantiles", "Slowdown", "StormResult", "StormRun", "quantile"]

SCHEMA = 2
_KIND = "storm"

# A quantile q is given only when its 95 % interval from order statistics has a finite upper end, that is when n writes
# all fall below it with a probability of at most 2.5 %: n >= ln(0.025) / ln(q): 368 for p99 and 3,688 for p99.9.
_LOG_TAIL = math.log(0.025)


class Limits(Protocol):
    """What a storm has to keep, e.g. a Budget."""

    def check(self, runs: Sequence[StormRun], /) -> None:
        """Raise where `runs`, the rounds of one storm, did not keep it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """attempted: writes begun. acknowledged: COMMIT returned. busy: BEGINs that returned primary code 5; retries:
    attempts after such a one (both None under BusyTimeout). exhausted: the policy gave up. failed: any other error.
    lost: acknowledged, and not in the database afterwards. duplicated: rows found more than once. Both None where the
    writes were not checked against the database.
    """

    attempted: int
    acknowledged: int
    busy: int | None
    retries: int | None
    exhausted: int
    failed: int
    lost: int | None
    duplicated: int | None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds. None where there are too few samples for the quantile to mean anything."""

    p50: float | None
    p90: float | None
    p99: float | None
    p999: float | None
    max: float | None

    @classmethod
    def of(cls, latencies_us: npt.NDArray[Any]) -> Quantiles:
        """The quantiles of latencies given in microseconds."""
        return cls(
            p50=_ms(quantile(latencies_us, 0.5)),
            p90=_ms(quantile(latencies_us, 0.9)),
            p99=_ms(quantile(latencies_us, 0.99)),
            p999=_ms(quantile(latencies_us, 0.999)),
            max=_ms(float(latencies_us.max())) if len(latencies_us) else None,
        )


@dataclass(frozen=True, slots=True)
class Slowdown:
    """Measured over ideal, quantile by quantile; 1.0 is the limit. None where either is."""

    p50: float | None
    p99: float | None
    p999: float | None

    @classmethod
    def of(cls, measured: Quantiles, ideal: Quantiles) -> Slowdown:
        """The ratios of `measured` to `ideal`."""
        return cls(
            p50=_ratio(measured.p50, ideal.p50),
            p99=_ratio(measured.p99, ideal.p99),
            p999=_ratio(measured.p999, ideal.p999),
        )


@dataclass(frozen=True, slots=True, eq=False)
class StormRun:
    """One storm under one policy.

    policy: its name; "own" where the workload does its own transactions.
    policy_parameters: the policy as Python shows it.
    workload: its name.
    workload_parameters: what else it takes to make the workload again.
    workers: how many processes wrote.
    writes: per worker; None if the storm ran for duration_s.
    duration_s: how long the storm ran; None if it ended after its writes.
    rate_per_s: writes scheduled per second over all workers; None in a closed loop.
    hold_ms: slept in each transaction.
    think_ms: mean pause before each write.
    seed: repeats think times, jitter and what the workload draws.
    database: the file, if the caller named one.
    counts: see Counts.
    busy_rate: busy BEGINs over all BEGINs; None under BusyTimeout.
    contended_rate: share of the writes that waited over 0.5 ms; None where waits are unknown.
    retries_per_write: None under BusyTimeout.
    latency_ms: wait plus hold; in an open loop from the instant for which a write was scheduled; of a hook from its
        start to its end.
    ideal_ms: of a first-come-first-served lock with the same think times and holds; None where waits are unknown.
    slowdown: latency over the ideal's; None where waits are unknown.
    throughput_per_s: acknowledged writes over elapsed_s.
    utilization: share of elapsed_s in which the lock was held; None where holds are unknown.
    fairness: Jain's index of the workers' mean latencies; 1.0 when all are equal.
    elapsed_s: from the barrier to the last write's end.
    backlog: writes that were due and not begun when the last one was due; None in a closed loop.
    kept: whether the offered load was kept, False if the backlog grew; None in a closed loop.
    recorder_ns: what recording one write cost, measured before the storm.
    failures: what the caller's own code raised, by kind.
    partial: why the storm ended before its end; None if it did not.
    integrity: "ok", the first problem that integrity_check or foreign_key_check names, or None where there was no
        database file to check.
    samples: one row a write.
    round, rounds: which of how many interleaved rounds this storm was; both 1 for a storm of its own.
    given_up: what its exhausted writes raised, by kind.
    """

    policy: str
    policy_parameters: str
    workload: str
    workload_parameters: Mapping[str, str]
    workers: int
    writes: int | None
    duration_s: float | None
    rate_per_s: float | None
    hold_ms: float
    think_ms: float
    seed: int
    database: str | None
    counts: Counts
    busy_rate: float | None
    contended_rate: float | None
    retries_per_write: float | None
    latency_ms: Quantiles
    ideal_ms: Quantiles
    slowdown: Slowdown
    throughput_per_s: float
    utilization: float | None
    fairness: float | None
    elapsed_s: float
    backlog: int | None
    kept: bool | None
    recorder_ns: float
    failures: tuple[WriteFailure, ...]
    partial: str | None
    integrity: str | None
    samples: Samples = field(repr=False)
    round: int = 1
    rounds: int = 1
    given_up: tuple[WriteFailure, ...] = ()

    def __repr__(self) -> str:
        """What a failed assertion shows: the counts, and not fifty fields."""
        counts = self.counts
        writers = "1 writer" if self.workers == 1 else f"{self.workers} writers"
        found = [f"{counts.acknowledged} of {counts.attempted} writes acknowledged"]
        found += [f"{counts.exhausted} given up"] if counts.exhausted else []
        found += [f"{counts.failed} failed"] if counts.failed else []
        found.append("not checked for losses" if counts.lost is None else f"{counts.lost} lost")
        return f"<storm of {writers}, policy {self.policy}: {', '.join(found)}>"

    @property
    def lost(self) -> int | None:
        """Acknowledged writes that are not in the database; None where nobody could check."""
        return self.counts.lost

    @property
    def loop(self) -> str:
        """Either "closed": a worker's next write waits for the one before; or "open": writes come on a schedule,
        whatever became of those before, so that nothing slow is omitted.
        """
        return "closed" if self.rate_per_s is None else "open"

    @property
    def damaged(self) -> bool:
        """Whether writes were lost or duplicated, or the file is not what it should be."""
        return bool(self.counts.lost or self.counts.duplicated or self.integrity not in {None, "ok"})

    def check(self, budget: Limits) -> None:
        """Raise BudgetExceeded, which is an AssertionError, where the storm went over `budget`."""
        budget.check([self])


@dataclass(frozen=True, slots=True, eq=False)
class StormResult:
    """The runs of one command on one machine. `command` repeats it. partial: why it ended before its end, None if it
    did not.
    """

    environment: Environment
    command: str
    runs: tuple[StormRun, ...]
    partial: str | None = None

    @property
    def envelope(self) -> Envelope:
        """What the stored result says about itself."""
        return Envelope(_KIND, SCHEMA, self.command, self.environment, self.partial)

    def to_json(self) -> str:
        """The result as JSON text; samples as columns of whole numbers."""
        return self.envelope.seal({"runs": [_run_document(run) for run in self.runs]})

    @classmethod
    def from_json(cls, text: str) -> StormResult:
        """What `to_json` wrote. Raises ResultError for anything else."""

        def make(envelope: Envelope, found: dict[str, Any]) -> StormResult:
            runs = tuple(_run(entry) for entry in found["runs"])
            return cls(envelope.environment, envelope.command, runs, envelope.partial)

        return Envelope.read(text, make, kind=_KIND, schema=SCHEMA)


def quantile(values: npt.NDArray[Any], q: float) -> float | None:
    """Quantile `q` of `values` (linear interpolation), or None where there are too few for a finite interval."""
    if len(values) < _LOG_TAIL / math.log(q):
        return None
    return float(np.quantile(values, q))


def _run_document(run: StormRun) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for entry in fields(run):
        value = getattr(run, entry.name)
        if isinstance(value, Samples):
            document[entry.name] = {column.name: getattr(value, column.name).tolist() for column in fields(value)}
        elif isinstance(value, Counts | Quantiles | Slowdown):
            document[entry.name] = asdict(value)
        elif entry.name in {"failures", "given_up"}:
            document[entry.name] = [asdict(failure) for failure in value]
        else:
            document[entry.name] = value
    return document


def _run(document: dict[str, Any]) -> StormRun:
    samples = Samples(**{name: np.array(column, dtype=np.int64) for name, column in document["samples"].items()})
    return StormRun(
        **{
            **document,
            "counts": Counts(**document["counts"]),
            "latency_ms": Quantiles(**document["latency_ms"]),
            "ideal_ms": Quantiles(**document["ideal_ms"]),
            "slowdown": Slowdown(**document["slowdown"]),
            "failures": tuple(WriteFailure(**entry) for entry in document["failures"]),
            "given_up": tuple(WriteFailure(**entry) for entry in document.get("given_up", [])),
            "samples": samples,
        }
    )


def _ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else round(microseconds / 1000, 4)


def _ratio(measured: float | None, ideal: float | None) -> float | None:
    return None if measured is None or not ideal else round(measured / ideal, 4)
