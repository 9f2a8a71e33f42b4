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
    from .registry.holder import Holder
    from .registry.sqlite.admission.busy_timeout import BusyTimeout
    from .registry.sqlite.admission.fixed_interval import FixedInterval
    from .registry.sqlite.admission.policy import Admission, AdmissionPolicy, Observer
    from .registry.sqlite.admission.record import WriteRecord
    from .registry.sqlite.admission.retry_budget import RetryBudget
    from .registry.sqlite.admission.write_queue import WriteQueue
    from .results.limits import Budget, BudgetExceeded

__all__ = [
    "Admission",
    "AdmissionPolicy",
    "Budget",
    "BudgetExceeded",
    "BusyTimeout",
    "CrashAt",
    "FixedInterval",
    "Holder",
    "Observer",
    "Registry",
    "RegistryError",
    "RetryBudget",
    "WriteQueue",
    "WriteRecord",
    "WriteTimeout",
    "__version__",
    "crash_point",
]

__version__ = "0.2.0.dev0"

_MODULES = {
    "Admission": "registry.sqlite.admission.policy",
    "AdmissionPolicy": "registry.sqlite.admission.policy",
    "Budget": "results.limits",
    "BudgetExceeded": "results.limits",
    "BusyTimeout": "registry.sqlite.admission.busy_timeout",
    "CrashAt": "processes",
    "FixedInterval": "registry.sqlite.admission.fixed_interval",
    "Holder": "registry.holder",
    "Observer": "registry.sqlite.admission.policy",
    "Registry": "registry",
    "RegistryError": "registry",
    "RetryBudget": "registry.sqlite.admission.retry_budget",
    "WriteQueue": "registry.sqlite.admission.write_queue",
    "WriteRecord": "registry.sqlite.admission.record",
    "WriteTimeout": "registry",
    "crash_point": "crash",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # not import_module: loading importlib would cost every hook more than the store that it uses
    return getattr(__import__(f"{__name__}.{module}", fromlist=(name,)), name)
