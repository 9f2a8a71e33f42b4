"""The negative control: a stray `close()` in writers that nothing watches over."""

from __future__ import annotations

from functools import partial

from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from ..fault import HOLD_S
from ..writer import MakeWriter, PlainWriter
from .stray_close import StrayClose

__all__ = ["StrayClosePlain"]


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
