"""The negative control without a busy timeout."""

from __future__ import annotations

from functools import partial

from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from ..fault import HOLD_S, Fault
from ..nemesis import Nemesis
from ..writer import MakeWriter, PlainWriter

__all__ = ["NoTimeout"]

_WATCHED_S = 0.5


class NoTimeout(Fault):
    """Plain sqlite3 with timeout 0: writes are dropped as soon as two processes meet."""

    name = "no-timeout"
    summary = "control: plain BEGIN IMMEDIATE without any timeout"
    control = True
    per_policy = False

    def writer(self, policy: AdmissionPolicy) -> MakeWriter:
        """No registry, no policy, no patience."""
        del policy
        return partial(PlainWriter, timeout_s=0, hold_s=HOLD_S)

    def inject(self, nemesis: Nemesis) -> None:
        """Nothing more is needed."""
        nemesis.begin()
        nemesis.sleep(_WATCHED_S)
        nemesis.end()

    def red(self, *, lost: int, failed: int, codes: frozenset[int]) -> bool:
        """Writes must have been dropped."""
        del lost
        return failed > 0 and any(code & 0xFF == 5 for code in codes)
