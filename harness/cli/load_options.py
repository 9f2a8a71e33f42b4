"""The options that say what storms write and how hard, the same for every command that runs some."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any

import click

from pytest_sessionreg.error_base import StormError
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.policies import POLICY_NAMES, policy_named
from pytest_sessionreg.storm.catalogue import WORKLOAD_NAMES, workload_named
from pytest_sessionreg.storm.defaults import HOLD_MS, SEED, THINK_MS, WORKERS, WORKLOAD, WRITES
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.workload import Workload
from pytest_sessionreg.storm.workloads.statements import read_statements

__all__ = ["LoadOptions", "import_from_here", "load_options"]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the options said; None where they said nothing."""

    workers: int
    writes: int | None
    duration: float | None
    hold_ms: float | None
    think_ms: float | None
    rate: float | None
    workload: str | None
    sql: str | None
    schema: str | None
    seed: int
    database: str | None
    timeout: float | None

    def plan_storms(self, names: Sequence[str]) -> tuple[Plan, tuple[AdmissionPolicy, ...]]:
        """The plan, and the policies to run it under: those of `names`, by default all, or Own for a workload that does
        its own transactions. Raises StormError for options that make no storm.
        """
        import_from_here()
        workload = _workload(self.workload, self.sql, self.schema)
        chosen = tuple(dict.fromkeys(names)) or (POLICY_NAMES if workload.admitted else ())
        plan = Plan.of(
            workload,
            policy=chosen[0] if chosen else None,
            workers=self.workers,
            writes=self.writes,
            duration_s=self.duration,
            hold_ms=self.hold_ms,
            think_ms=self.think_ms,
            rate_per_s=self.rate,
            seed=self.seed,
            database=self.database,
            timeout_s=self.timeout,
        )
        return plan, tuple(map(policy_named, chosen)) or (plan.policy,)


_OPTIONS = (
    click.option("--workers", default=WORKERS, show_default=True, metavar="N", help="Worker processes."),
    click.option("--writes", type=int, metavar="M", help=f"Writes per worker.  [default: {WRITES}]"),
    click.option("--duration", type=float, metavar="S", help="Write for S seconds instead of M times."),
    click.option(
        "--hold-ms",
        type=float,
        metavar="H",
        help=f"Sleep inside each transaction of the storm's.  [default: {HOLD_MS:g}, or 0 with a store or path]",
    ),
    click.option(
        "--think-ms",
        type=float,
        metavar="T",
        help=f"Mean pause before each write, exponential.  [default: {THINK_MS:g}]",
    ),
    click.option(
        "--rate",
        type=float,
        metavar="R",
        help="Instead of pauses: R writes per second over all workers on a fixed schedule, each measured from its "
        "scheduled instant.",
    ),
    click.option(
        "--workload",
        metavar="NAME",
        help=f"What a worker writes: {', '.join(WORKLOAD_NAMES)}, or a function of your own as "
        "package.module:function, called with (connection, store or path, worker, sequence).  "
        f"[default: {WORKLOAD}]",
    ),
    click.option(
        "--sql",
        type=click.Path(),
        metavar="FILE",
        help="Write with these SQL statements in each transaction; :worker and :sequence are given.",
    ),
    click.option("--schema", type=click.Path(), metavar="FILE", help="With --sql: SQL to run once before each storm."),
    click.option("--seed", default=SEED, show_default=True, metavar="K", help="Repeats think times, jitter and draws."),
    click.option(
        "--database",
        type=click.Path(),
        metavar="PATH",
        help="File to storm.  [default: a fresh one per storm, removed afterwards]",
    ),
    click.option(
        "--timeout",
        type=float,
        metavar="S",
        help="Kill and name the workers that are not done after S seconds.  [default: generous]",
    ),
)


def load_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the options, as one argument `load`."""

    @wraps(command)
    def with_load(**given: Any) -> None:
        load = LoadOptions(**{entry.name: given.pop(entry.name) for entry in fields(LoadOptions)})
        command(load=load, **given)

    for option in reversed(_OPTIONS):
        with_load = option(with_load)
    return with_load


def import_from_here() -> None:
    """Let a workload's module be found in the current directory, as `python -m` does."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)


def _workload(name: str | None, sql: str | None, schema: str | None) -> Workload:
    if sql is None:
        if schema is not None:
            raise StormError("--schema goes with --sql; a function of your own has prepare(path)")
        return workload_named(name or WORKLOAD)
    if name is not None:
        raise StormError("--workload and --sql exclude each other; give one of them")
    return read_statements(sql, schema)
