"""A session registry that many processes share, and the tools that measure how it, or your own database, holds.

Importing this loads nothing: each name is loaded when it is first used. None loads pytest or matplotlib, and only the
budget, which needs a storm's samples, numpy.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .crash import crash_point
    from .processes import CrashAt
    from .registry import Registry, RegistryError, WriteTimeout
    from .registry.sqlite.admission.busy_timeout import BusyTimeout
    from .registry.sqlite.admission.fixed_interval import FixedInterval
    from .registry.sqlite.admission.record import WriteRecord
    from .registry.sqlite.admission.retry_budget import RetryBudget
    from .registry.sqlite.admission.write_queue import WriteQueue
    from .results.limits import Budget, BudgetExceeded

__all__ = [
    "Budget",
    "BudgetExceeded",
    "BusyTimeout",
    "CrashAt",
    "FixedInterval",
    "Registry",
    "RegistryError",
    "RetryBudget",
    "WriteQueue",
    "WriteRecord",
    "WriteTimeout",
    "__version__",
    "crash_point",
]

__version__ = "0.1.0"

_POLICIES = {
    "BusyTimeout": "busy_timeout",
    "FixedInterval": "fixed_interval",
    "RetryBudget": "retry_budget",
    "WriteQueue": "write_queue",
    "WriteRecord": "record",
}


def __getattr__(name: str) -> object:
    if name in {"Registry", "RegistryError", "WriteTimeout"}:
        from . import registry

        return getattr(registry, name)
    if name == "crash_point":
        from .crash import crash_point

        return crash_point
    if name == "CrashAt":
        from .processes import CrashAt

        return CrashAt
    if name in {"Budget", "BudgetExceeded"}:
        from .results import limits as budget

        return getattr(budget, name)
    module = _POLICIES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.registry.admission.{module}"), name)
