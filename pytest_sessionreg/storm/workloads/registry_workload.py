"""The built-in workloads at work: writes to a registry, each with the storm's own row in the same transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from time import sleep
from types import MappingProxyType
from typing import Protocol

from ...registry import Registry, RegistryError, WriteTimeout
from ...registry.errors import DatabaseBusy
from ...registry.sqlite.admission.busy_timeout import BusyTimeout
from ...results.failures import FailureLog
from ...results.ledger import Ledger
from ..job import SETUP_PATIENCE_S, Job, Site
from ..storm_writes import CREATE_TABLE, INSERT, RowPerWrite

__all__ = ["RegistryStorm", "RegistryWorkload", "RegistryWrite"]


class RegistryWrite(Protocol):
    """One worker's part of a built-in workload."""

    def set_up(self, registry: Registry) -> None:
        """What has to be in the database before the barrier opens. Called in the storm's own process; not measured."""

    def write(self, registry: Registry, sequence: int) -> None:
        """One write, called inside an open transaction; measured."""


class PartKind(Protocol):
    """The class of a part."""

    name: str

    def __call__(self, storm: str, worker: int, seed: int) -> RegistryWrite: ...


class RegistryStorm(RowPerWrite):
    """What all workloads on a registry share: the file, its evidence, and leaving no trace."""

    parameters: Mapping[str, str] = MappingProxyType({})
    admitted = True
    foreign_keys = True
    modules: tuple[str, ...] = ()

    def __init__(self, kind: PartKind) -> None:
        self.kind = kind

    def prepare(self, site: Site) -> None:
        """Create the registry and all that the workers' parts need, in one transaction."""
        with (
            Registry.open(site.database, workspace=site.storm, policy=BusyTimeout(SETUP_PATIENCE_S)) as registry,
            registry.transaction() as setup,
        ):
            setup.execute(CREATE_TABLE)
            for worker in range(site.workers):
                self.kind(site.storm, worker, site.seed).set_up(registry)

    def clear(self, site: Site) -> None:
        """Take the storm's rows out again."""
        try:
            with (
                Registry.open(site.database, policy=BusyTimeout(SETUP_PATIENCE_S)) as registry,
                registry.transaction() as cleanup,
            ):
                cleanup.execute("DROP TABLE storm_writes")
                cleanup.execute("DELETE FROM audit_events WHERE workspace_id = ?", (site.storm,))
                cleanup.execute("DELETE FROM sessions WHERE workspace_id = ?", (site.storm,))  # all else goes with them
        except (RegistryError, sqlite3.Error):
            return  # the storm's own error, if any, says more; rows of a finished storm do no harm


class RegistryWorkload(RegistryStorm):
    """A built-in workload, made of the parts of class `kind`."""

    def __init__(self, kind: PartKind) -> None:
        super().__init__(kind)
        self.name = kind.name

    def writer(self, job: Job, ledger: Ledger, failures: FailureLog) -> _Writer:  # noqa: ARG002  none of these is ours
        """The writer of one worker: a registry of its own, under the policy, observed by the ledger."""
        return _Writer(job, ledger, self.kind(job.site.storm, job.worker, job.site.seed))


class _Writer:
    def __init__(self, job: Job, ledger: Ledger, part: RegistryWrite) -> None:
        self._storm, self._worker, self._hold_s = job.site.storm, job.worker, job.hold_s
        self._part = part
        self._registry = Registry.open(job.site.database, workspace=job.site.storm, policy=job.policy, observer=ledger)
        self._registry.sessions.list(status="finished")  # the first read loads the schema, which is not measured

    def write(self, sequence: int) -> None:
        try:
            with self._registry.transaction() as transaction:
                self._part.write(self._registry, sequence)
                transaction.execute(INSERT, (self._storm, self._worker, sequence))
                if self._hold_s:
                    sleep(self._hold_s)
        except (WriteTimeout, DatabaseBusy):
            return  # the ledger has it; anything else is not contention and ends the storm

    def close(self) -> None:
        self._registry.close()
