"""Target processes: those that a fault kills, stops, or acts through."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from time import monotonic_ns

from pytest_sessionreg.registry.errors import RegistryError, WrongOwner
from pytest_sessionreg.registry.registry import Registry
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy
from pytest_sessionreg.results.ledger import Ledger
from pytest_sessionreg.storm.storm_writes import INSERT

from .seen import Seen, Tally
from .setup import STORM, Setup

__all__ = ["PATIENCE_S", "connect", "count_refusals", "hold", "open_and_write", "write_and_stay"]

# For a target to get as far as it must, behind busy writers and a policy that may give up now and then.
PATIENCE_S = 20.0


def connect(database: str) -> sqlite3.Connection:
    """A patient connection that knows nothing of the registry."""
    return sqlite3.connect(database, timeout=PATIENCE_S, isolation_level=None)


def hold(
    database: str, policy: AdmissionPolicy, worker: int | None = None, ledger: str | None = None
) -> Callable[[], tuple[int, int]]:
    """Hold the write lock until the barrier is released, then commit; gives the instants of BEGIN and of COMMIT's
    return, in monotonic nanoseconds.

    worker: a row under this number is written first. ledger: path, where the commit is recorded.
    """
    observer = None if ledger is None else Ledger(ledger)
    registry = Registry.open(database, workspace=STORM, policy=policy, observer=observer)
    transaction = registry.transaction()
    transaction.__enter__()
    began_ns = monotonic_ns()
    if worker is not None:
        transaction.execute(INSERT, (STORM, worker, 0))

    def commit() -> tuple[int, int]:
        transaction.__exit__(None, None, None)
        ended_ns = monotonic_ns()
        registry.close()
        if observer is not None:
            observer.close()
        return began_ns, ended_ns

    return commit


def write_and_stay(setup: Setup, policy: AdmissionPolicy, rows: int) -> Callable[[], None]:
    """Write `rows` rows as the target, each recorded once acknowledged, and stay open without a close."""
    ledger = Ledger(setup.ledger(setup.target))
    registry = Registry.open(setup.database, workspace=STORM, policy=policy, observer=ledger)
    _write(registry, ledger, setup.target, rows)
    return registry.close


def open_and_write(setup: Setup, policy: AdmissionPolicy, rows: int) -> tuple[Seen, ...]:
    """Open the registry, write `rows` rows as the target, each recorded once acknowledged, and close it again.

    Gives the errors that it met; after the first one it leaves. Without rows it needs no ledger, and may come again.
    """
    tally = Tally()
    with Ledger(setup.ledger(setup.target)) if rows else nullcontext() as ledger:
        try:
            with Registry.open(setup.database, workspace=STORM, policy=policy, observer=ledger) as registry:
                if ledger is not None:
                    _write(registry, ledger, setup.target, rows)
        except (RegistryError, sqlite3.Error) as error:
            tally.add(error)
    return tally.seen()


def count_refusals(*attempts: Callable[[], object]) -> int:
    """In a forked child: how many of its attempts to use what belongs to the parent are refused."""
    refused = 0
    for attempt in attempts:
        try:
            attempt()
        except WrongOwner:
            refused += 1
        except RegistryError:
            continue
    return refused


def _write(registry: Registry, ledger: Ledger, worker: int, rows: int) -> None:
    for sequence in range(rows):
        ledger.sequence = sequence
        with registry.transaction() as transaction:
            transaction.execute(INSERT, (STORM, worker, sequence))
