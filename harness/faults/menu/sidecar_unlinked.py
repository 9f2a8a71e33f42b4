"""The write queue's sidecar deleted under its users."""

from __future__ import annotations

import os

from pytest_sessionreg.registry.sqlite.admission.write_queue import WriteQueue

from ..fault import Fault
from ..line import sidecar
from ..nemesis import Nemesis

__all__ = ["SidecarUnlinked"]


class SidecarUnlinked(Fault):
    """Old and new openers stand in two lines: that costs order, never a write."""

    name = "sidecar-unlinked"
    summary = "the queue's sidecar file is deleted while writers stand in line"

    def unavailable(self, policy: str) -> str:
        """Only the queue has one."""
        return "" if policy == WriteQueue.name else "no sidecar"

    def inject(self, nemesis: Nemesis) -> None:
        """Delete it."""
        nemesis.begin()
        os.unlink(sidecar(nemesis.setup.database))
        nemesis.end()
