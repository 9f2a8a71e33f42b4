"""The built-in workloads by name, and functions of the user's own by theirs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..error_base import StormError
from .workload import Workload
from .workloads.audit import AuditPart
from .workloads.function import load_function
from .workloads.heartbeat import HeartbeatPart
from .workloads.hook import Hook
from .workloads.lock import LockPart
from .workloads.mixed import MixedPart
from .workloads.register import RegisterPart
from .workloads.registry_workload import RegistryWorkload
from .workloads.skills import SkillsPart

__all__ = ["WORKLOAD_NAMES", "workload_named"]

# Each part is a RegistryWrite: one write inside an open transaction.
_PARTS = (HeartbeatPart, RegisterPart, LockPart, SkillsPart, AuditPart, MixedPart)
_BUILT_IN: dict[str, Callable[[], Workload]] = {
    **{part.name: partial(RegistryWorkload, part) for part in _PARTS},
    Hook.name: Hook,
}
WORKLOAD_NAMES = tuple(_BUILT_IN)


def workload_named(name: str) -> Workload:
    """The built-in workload called `name`, or the function at `module:function`.

    Raises StormError for an unknown name, and for a function that cannot be had or called.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    if ":" in name:
        return load_function(name)
    raise StormError(
        f"workload {name!r} is unknown; choose from {', '.join(WORKLOAD_NAMES)}, or give a function as module:function"
    )
