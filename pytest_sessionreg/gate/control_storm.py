"""The control storm: what the same load does to plain sqlite3 with a busy timeout, on this machine, in this minute."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from types import MappingProxyType

from ..registry.sqlite.admission.busy_timeout import BusyTimeout
from ..results.failures import FailureLog
from ..results.ledger import Ledger
from ..storm.job import Job, Site
from ..storm.plan import Plan
from ..storm.storm_writes import RowPerWrite, create_table
from ..storm.workloads.connection_writer import ConnectionWriter

__all__ = ["Control", "control_plan"]

_TIMEOUT_S = 5.0
_PAYLOAD = "x" * 100


class Control(RowPerWrite):
    """A workload that nothing of ours takes part in: `sqlite3.connect(path, timeout=5)`, WAL, synchronous=NORMAL, and
    one INSERT of about 100 bytes in each transaction. It never changes, so that what does change is the machine.
    """

    name = "control"
    parameters: Mapping[str, str] = MappingProxyType({})
    admitted = True
    foreign_keys = False
    modules: tuple[str, ...] = ()

    def prepare(self, site: Site) -> None:
        """A fresh file in WAL mode with the tables."""
        with closing(sqlite3.connect(site.database, timeout=_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE control (worker INTEGER, sequence INTEGER, payload TEXT)")
            connection.execute("COMMIT")
        create_table(site.database)

    def writer(self, job: Job, ledger: Ledger, failures: FailureLog) -> ConnectionWriter:
        """The writer of one worker, with a connection as anybody opens it."""
        connection = sqlite3.connect(job.site.database, timeout=_TIMEOUT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous=NORMAL")
        return ConnectionWriter(job, ledger, failures, connection, _insert, insert=True)

    def clear(self, site: Site) -> None:
        """Nothing: the file is the control's own and goes with its directory."""


def control_plan(plan: Plan, database: str | None) -> Plan:
    """The control storm at the load of `plan`, on the file `database`, by default one of its own."""
    return replace(plan, workload=Control(), policy=BusyTimeout(_TIMEOUT_S), database=database)


def _insert(connection: sqlite3.Connection, worker: int, sequence: int) -> None:
    connection.execute("INSERT INTO control VALUES (?, ?, ?)", (worker, sequence, _PAYLOAD))
