"""What a storm writes: the protocol of a workload."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Protocol

from ..results.failures import FailureLog
from ..results.ledger import Ledger
from .job import Job, Site

__all__ = ["Workload", "Writer"]


class Writer(Protocol):
    """The workload at work in one worker process."""

    def write(self, sequence: int) -> None:
        """One write, recorded in the ledger whatever becomes of it.

        Returns after a write that was acknowledged, given up or (where the caller's own code wrote) failed; raises what
        ends the storm.
        """

    def close(self) -> None:
        """Close the connection."""


class Workload(Protocol):
    """What a storm writes; picklable.

    name: in results.
    parameters: what else it takes to make it again, as text.
    admitted: whether the storm begins its transactions under an admission policy and commits them; if not, the
        function does so itself, and only the whole write can be timed.
    foreign_keys: whether a row without its parent is damage.
    modules: names of those whose functions travel whole to the worker processes.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  said above
    @property
    def parameters(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def admitted(self) -> bool: ...  # noqa: D102
    @property
    def foreign_keys(self) -> bool: ...  # noqa: D102
    @property
    def modules(self) -> tuple[str, ...]: ...  # noqa: D102

    def prepare(self, site: Site) -> None:
        """What has to be in the database before the workers start. Called in the storm's own process."""

    def writer(self, job: Job, ledger: Ledger, failures: FailureLog) -> Writer:
        """The writer of one worker, ready to write. Called in the worker, before the barrier."""

    def stored_writes(self, site: Site) -> array[int] | None:
        """The writes that the database holds, each as `worker << 32 | sequence`, once per row; None where nobody can
        tell.
        """

    def clear(self, site: Site) -> None:
        """Take what the storm put there out of a file that the caller named."""
