"""A directory that becomes read-only for a while."""

from __future__ import annotations

import os
from functools import partial
from time import monotonic, sleep

from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from ..fault import HOLD_S, Fault
from ..nemesis import Nemesis
from ..writer import MakeWriter, RegistryWriter, register_session

__all__ = ["ReadOnlyDirectory"]

_READ_ONLY_S = 0.6
_READ_ONLY = 0o500
_SEARCH_S = 5.0


class ReadOnlyDirectory(Fault):
    """Writers that open the file anew for each write, as hooks do, cannot create its log any more
    (https://www.sqlite.org/wal.html, 8).
    """

    name = "read-only-directory"
    summary = f"chmod 0500 of the directory for {_READ_ONLY_S:g} s; every write opens the file anew"
    unprivileged = True
    writers = 2

    def writer(self, policy: AdmissionPolicy) -> MakeWriter:
        """Open, write, close."""
        return partial(RegistryWriter, policy=policy, hold_s=HOLD_S, body=register_session, reopen_every=1)

    def inject(self, nemesis: Nemesis) -> None:
        """Take the right to create files away at an instant at which there is no log."""
        directory = os.path.dirname(nemesis.setup.database)
        log = nemesis.setup.database + "-wal"
        deadline = monotonic() + _SEARCH_S
        try:
            while True:
                os.chmod(directory, _READ_ONLY)
                if not os.path.exists(log) or monotonic() > deadline:
                    break
                os.chmod(directory, 0o700)
                sleep(0.0003)
            nemesis.begin()
            nemesis.note = "the log was there throughout" if os.path.exists(log) else ""
            nemesis.sleep(_READ_ONLY_S)
        finally:
            os.chmod(directory, 0o700)
        nemesis.end()
