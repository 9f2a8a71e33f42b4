"""A day of hooks: what the registry's users write, in about the shares in which they do."""

from __future__ import annotations

import random

from ...registry import Registry
from .heartbeat import HeartbeatPart
from .lock import LockPart
from .register import RegisterPart
from .skills import SkillsPart

__all__ = ["MixedPart"]

# Percent of the writes; the shares are this project's own assumption of a hook's day, not a measurement.
_SHARES = ((HeartbeatPart, 70), (RegisterPart, 10), (LockPart, 10), (SkillsPart, 10))


class MixedPart:
    """Each write is a heartbeat (70 %), a registration, a lock's or a skill's (10 % each), drawn from the seed."""

    name = "mixed"

    def __init__(self, storm: str, worker: int, seed: int) -> None:
        self._parts = [kind(storm, worker, seed) for kind, _ in _SHARES]
        self._shares = [share for _, share in _SHARES]
        self._draw = random.Random(f"{seed}/{worker}/mix")
        self._written = [0] * len(_SHARES)

    def set_up(self, registry: Registry) -> None:
        """Register the worker's session, which all parts share."""
        self._parts[0].set_up(registry)

    def write(self, registry: Registry, sequence: int) -> None:  # noqa: ARG002  each part counts its own writes
        """One write of one of the kinds."""
        (choice,) = self._draw.choices(range(len(self._parts)), self._shares)
        number = self._written[choice]
        self._written[choice] = number + 1
        self._parts[choice].write(registry, number)
