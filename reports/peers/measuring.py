"""Stores of other packages and the session registry under the same storms, in turns, by the fixture `storm`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import geometric_mean, median
from typing import Any

from pytest_sessionreg import Registry
from pytest_sessionreg.plugin import Storm
from pytest_sessionreg.results.alone import ideal_from_alone
from pytest_sessionreg.results.result import StormRun
from pytest_sessionreg.storm.interruption import StormInterrupted, WorkloadFailed

__all__ = ["PAYLOAD", "Load", "Store", "measured"]

PAYLOAD = "x" * 100


@dataclass(frozen=True)
class Load:
    """writers: processes, each making `writes` writes with a mean pause of think_ms before each. alone: writes of the
    storm of one writer that tells what a write takes when nobody disturbs. timeout_s: of a storm; writers that are not
    done are killed, and what they did so far is kept.
    """

    writers: int
    writes: int = 25
    think_ms: float = 20.0
    rounds: int = 3
    alone: int = 200
    timeout_s: float = 120.0


@dataclass(frozen=True)
class Store:
    """One way to write one row of about 100 bytes.

    package: as on PyPI, "" for the standard library. name: in the table. does: what it does about a lock that another
    writer has, and what a commit costs. write, connect, prepare, acknowledged: as `storm` takes them.
    """

    package: str
    name: str
    does: str
    write: Callable[[Any, int, int], object]
    connect: Callable[[str], object]
    acknowledged: Callable[[str], Iterable[tuple[int, int]]]
    prepare: Callable[[str], object] | None = None


def _append(store: Registry, worker: int, sequence: int) -> None:
    payload = f'{{"text": "{PAYLOAD}"}}'
    name = f"{worker}-{sequence}"
    store.audit.append(
        name, source="storm", event_type="note", run_id="storm", agent_identity=str(worker), payload=payload
    )


def _appended(path: str) -> list[tuple[int, int]]:
    with Registry.open(path) as registry:
        events = registry.audit.query()
    return [(int(worker), int(sequence)) for worker, sequence in (event.event_id.split("-") for event in events)]


REGISTRY = Store(
    "pytest-sessionreg",
    "session registry (audit)",
    "WAL, synchronous=NORMAL, BEGIN IMMEDIATE in the write queue, patience 5 s",
    _append,
    Registry.open,
    _appended,
    prepare=lambda path: Registry.open(path).close(),
)


def measured(storm: Storm, stores: Iterable[Store], load: Load) -> list[dict[str, Any]]:
    """Storm each of `stores` and the registry once per round, in turns; an entry for each, the registry's last."""
    every = [*stores, REGISTRY]
    alone = [_blown(storm, store, load, writers=1, seed=1) for store in every]
    rounds: list[list[StormRun]] = [[] for _ in every]
    for number in range(load.rounds):
        for store, runs in zip(every, rounds, strict=True):
            runs.append(_blown(storm, store, load, writers=load.writers, seed=number + 1))
    entries = [_entry(*found, load) for found in zip(every, rounds, alone, strict=True)]
    for entry, runs in zip(entries, rounds, strict=True):
        entry["p99_over_registry"] = _mean_ratio(runs, rounds[-1])
    return entries


def _blown(storm: Storm, store: Store, load: Load, *, writers: int, seed: int) -> StormRun:
    try:
        return storm(
            store.write,
            workers=writers,
            writes=load.alone if writers == 1 else load.writes,
            think_ms=1.0 if writers == 1 else load.think_ms,
            seed=seed,
            connect=store.connect,
            prepare=store.prepare,
            acknowledged=store.acknowledged,
            timeout=load.timeout_s,
        )
    except (WorkloadFailed, StormInterrupted) as error:
        return error.run


def _entry(store: Store, runs: list[StormRun], alone: StormRun, load: Load) -> dict[str, Any]:
    found = [_round(run, alone) for run in runs]
    return {
        "package": store.package,
        "version": version(store.package) if store.package else "",
        "store": store.name,
        "does": store.does,
        "load": asdict(load),
        "asked": load.writers * load.writes * load.rounds,
        "attempted": sum(run.counts.attempted for run in runs),
        "acknowledged": sum(run.counts.acknowledged for run in runs),
        "lost": _sum(run.counts.lost for run in runs),
        "given_up": sum(run.counts.exhausted for run in runs),
        "failed": sum(run.counts.failed for run in runs),
        "raised": _raised(runs),
        "alone_p50_ms": alone.latency_ms.p50,
        "p50_ms": _middle(run.latency_ms.p50 for run in runs),
        "p99_ms": _middle(run.latency_ms.p99 for run in runs),
        "max_ms": max(run.latency_ms.max or 0.0 for run in runs),
        "slowdown_p99": _middle(entry["slowdown_p99"] for entry in found),
        "rounds": found,
    }


def _round(run: StormRun, alone: StormRun) -> dict[str, Any]:
    ideal, slowdown = ideal_from_alone(run, alone)
    return {
        "counts": asdict(run.counts),
        "latency_ms": asdict(run.latency_ms),
        "ideal_p99_ms": ideal.p99,
        "slowdown_p99": slowdown.p99,
        "elapsed_s": round(run.elapsed_s, 3),
        "fairness": run.fairness,
        "integrity": run.integrity,
        "partial": run.partial,
        "outcome": run.samples.outcome.tolist(),
        "latency_us": run.samples.latency_us.tolist(),
    }


def _raised(runs: list[StormRun]) -> dict[str, int]:
    """How often each exception came; of those that were given up and those that failed for another reason."""
    counted: dict[str, int] = {}
    for run in runs:
        for failure in (*run.given_up, *run.failures):
            message = failure.message.splitlines()[0] if failure.message else ""
            kind = failure.kind if not message else f"{failure.kind}: {message}"
            counted[kind] = counted.get(kind, 0) + failure.count
    return counted


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)


def _middle(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else median(value or 0.0 for value in known)


def _mean_ratio(runs: list[StormRun], under: list[StormRun]) -> float | None:
    pairs = [(run.latency_ms.p99, other.latency_ms.p99) for run, other in zip(runs, under, strict=True)]
    return geometric_mean([a / b for a, b in pairs if a and b]) if all(a and b for a, b in pairs) else None
