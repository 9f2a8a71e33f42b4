"""The negative controls: plain sqlite3 used in ways that refuse or lose writes by their nature."""

from __future__ import annotations

from functools import partial

from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from ..fault import HOLD_S, Fault
from ..nemesis import Nemesis
from ..writer import MakeWriter, PlainWriter
from .stray_close import StrayClose

__all__ = ["DeferredBegin", "NoTimeout", "StrayClosePlain"]

_WATCHED_S = 0.5


class StrayClosePlain(StrayClose):
    """The same through plain sqlite3: the writers go on in the unlinked log, and the last checkpoint overwrites what
    the other had acknowledged. integrity_check says ok; only the ledger knows.
    """

    name = "stray-close-plain"
    summary = "control: the same with plain sqlite3 writers, which cannot notice"
    control = True
    per_policy = False
    may_lose = "nothing in SQLite sees that its locks are gone"

    def writer(self, policy: AdmissionPolicy) -> MakeWriter:
        """No registry, and SQLite's own timeout."""
        del policy
        return partial(PlainWriter, hold_s=HOLD_S)


class _ControlFault(Fault):
    """Writers of plain sqlite3 that need no fault to come out red."""

    control = True
    per_policy = False

    def inject(self, nemesis: Nemesis) -> None:
        """Let them write."""
        nemesis.begin()
        nemesis.sleep(_WATCHED_S)
        nemesis.end()


class DeferredBegin(_ControlFault):
    """A deferred transaction that reads and then writes: SQLite refuses at once what no timeout could repair
    (https://www.sqlite.org/isolation.html).
    """

    name = "deferred-begin"
    summary = "control: BEGIN, SELECT, INSERT with a timeout of 5 s, which is ignored"

    def writer(self, policy: AdmissionPolicy) -> MakeWriter:
        """A patient writer with the wrong BEGIN."""
        del policy
        return partial(PlainWriter, hold_s=HOLD_S, begin=("BEGIN", "SELECT count(*) FROM storm_writes"))

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """Writes must have been given up, some of them because the snapshot was stale (517)."""
        del lost
        return failed > 0 and bool(codes & {5, 517})


class NoTimeout(_ControlFault):
    """Plain sqlite3 with timeout 0: writes are dropped as soon as two processes meet."""

    name = "no-timeout"
    summary = "control: plain BEGIN IMMEDIATE without any timeout"

    def writer(self, policy: AdmissionPolicy) -> MakeWriter:
        """No registry, no policy, no patience."""
        del policy
        return partial(PlainWriter, timeout_s=0, hold_s=HOLD_S)

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """Writes must have been dropped."""
        del lost
        return failed > 0 and any(code & 0xFF == 5 for code in codes)
