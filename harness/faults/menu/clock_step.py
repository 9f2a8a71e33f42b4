"""A wall clock that jumps."""

from __future__ import annotations

from ..fault import Fault
from ..nemesis import Nemesis
from ..setup import Setup
from ..wall_clock import set_back
from ..writer_process import OnBegin

__all__ = ["ClockStep"]

_STEP_S = 3600
_WATCHED_S = 0.3


def _step(_setup: Setup, worker: int) -> None:
    set_back(_STEP_S if worker % 2 else -_STEP_S)


class ClockStep(Fault):
    """Deadlines must not depend on it. The kernel's clock belongs to the whole machine and is not touched: what steps
    is what the writers' processes read, `time.time` and the registry's own clock.
    """

    name = "clock-step"
    summary = "every other writer's wall clock steps back by an hour, the others' forward; the kernel's is not touched"

    def on_begin(self) -> OnBegin:
        """Step this process's wall clock."""
        return _step

    def inject(self, nemesis: Nemesis) -> None:
        """Have every writer's clock step."""
        nemesis.begin()
        nemesis.wait_for_writers()
        nemesis.sleep(_WATCHED_S)
        nemesis.end()
        nemesis.note = "in the writers' own view"
