"""The nemesis: what injects a fault, while the writers of a rig write. It runs in the harness's own process."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

from pytest_sessionreg.processes import ProcessError
from pytest_sessionreg.registry.sqlite.admission.policy import AdmissionPolicy

from .rig import Rig
from .seen import Seen
from .setup import Setup
from .target import PATIENCE_S

__all__ = ["Injection", "Nemesis"]

# How long the writers write before anything happens, and on after the end of the fault.
_LEAD_S = 0.25
_TAIL_S = 0.35


@dataclass(frozen=True, slots=True)
class Injection:
    """What came of one injection.

    note: worth telling.
    seen: errors of processes other than the writers.
    begun_ns, ended_ns: the fault's first and last instant, monotonic.
    broken: why the fault could not be injected as described, empty where it was.
    """

    note: str
    seen: tuple[Seen, ...]
    begun_ns: int
    ended_ns: int
    broken: str


class Nemesis:
    """What a fault is injected with.

    setup: of the fault run.
    policy: under which the writers write; a target process writes under it, too.
    random: the fault's own chances.
    note, seen: of the Injection; a fault sets them.
    """

    def __init__(self, rig: Rig, policy: AdmissionPolicy, seed: int) -> None:
        self.setup: Setup = rig.setup
        self.policy = policy
        self.random = random.Random(f"{seed}/nemesis")
        self.note = ""
        self.seen: tuple[Seen, ...] = ()
        self._rig = rig
        self._begun_ns = self._ended_ns = 0
        self.prepare, self.run, self.sleep = rig.prepare, rig.run, rig.sleep

    def begin(self) -> None:
        """The fault begins now, and the writers are told so."""
        self._begun_ns = monotonic_ns()
        self._rig.board.begin()

    def end(self) -> None:
        """The fault ends now."""
        self._ended_ns = monotonic_ns()

    def wait_for_writers(self) -> None:
        """Until every writer has done what it does once the fault has begun (Fault.on_begin). Raises StormError."""
        self._rig.board.wait_for_reports(PATIENCE_S)

    def perform(self, inject: Callable[[Nemesis], None]) -> Injection:
        """Inject the fault once; before it and after it the writers write on. Raises what `check` of the rig raises."""
        self.sleep(_LEAD_S)
        broken = ""
        try:
            inject(self)
        except Exception as error:  # noqa: BLE001  a fault that fails is a finding
            broken = _reason(error)
        if not self._begun_ns:
            self.begin()
        if not self._ended_ns:
            self.end()
        self.sleep(_TAIL_S)
        return Injection(self.note, self.seen, self._begun_ns, self._ended_ns, broken)


def _reason(error: Exception) -> str:
    """One line; of a process that failed, the last one of its traceback."""
    return (
        str(error).strip().splitlines()[-1] if isinstance(error, ProcessError) else f"{type(error).__name__}: {error}"
    )
