"""SIGKILL of a writer right after its COMMIT returned."""

from __future__ import annotations

from ..fault import Fault
from ..nemesis import Nemesis
from ..target import write_and_stay

__all__ = ["KillAfter"]

_WRITES = 20


class KillAfter(Fault):
    """It dies with its connection open and nothing checkpointed: what was acknowledged must be there."""

    name = "kill-after"
    summary = f"SIGKILL of a writer right after the COMMIT of its {_WRITES} writes, without a close"

    def inject(self, nemesis: Nemesis) -> None:
        """The target writes, and is killed when the last COMMIT has returned."""
        target = nemesis.prepare(write_and_stay, nemesis.setup, nemesis.policy, _WRITES)
        nemesis.begin()
        target.kill()
        nemesis.end()
