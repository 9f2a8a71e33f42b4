"""The negative control that upgrades a read to a write."""

from __future__ import annotations

from functools import partial

from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from ..fault import HOLD_S, Fault
from ..nemesis import Nemesis
from ..writer import MakeWriter, PlainWriter

__all__ = ["DeferredBegin"]

_WATCHED_S = 0.5


class DeferredBegin(Fault):
    """A deferred transaction that reads and then writes: SQLite refuses at once what no timeout could repair
    (https://www.sqlite.org/isolation.html).
    """

    name = "deferred-begin"
    summary = "control: BEGIN, SELECT, INSERT with a timeout of 5 s, which is ignored"
    control = True
    per_policy = False

    def writer(self, policy: AdmissionPolicy) -> MakeWriter:
        """A patient writer with the wrong BEGIN."""
        del policy
        return partial(PlainWriter, hold_s=HOLD_S, begin=("BEGIN", "SELECT count(*) FROM storm_writes"))

    def inject(self, nemesis: Nemesis) -> None:
        """Nothing more is needed."""
        nemesis.begin()
        nemesis.sleep(_WATCHED_S)
        nemesis.end()

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """Writes must have been refused, some of them because the snapshot was stale (517)."""
        del lost
        return failed > 0 and bool(codes & {5, 517})
