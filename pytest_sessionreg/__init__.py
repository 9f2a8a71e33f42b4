"""A session registry that many processes share, and the tools that measure how it, or your own database, holds.

Importing this loads neither pytest, numpy, matplotlib nor psutil; the policies are loaded when first named.
"""

from __future__ import annotations

from .registry import Registry, RegistryError, WriteTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry.admission.busy_timeout import BusyTimeout
    from .registry.admission.fixed_interval import FixedInterval
    from .registry.admission.record import WriteRecord
    from .registry.admission.retry_budget import RetryBudget
    from .registry.admission.write_queue import WriteQueue

__all__ = [
    "BusyTimeout",
    "FixedInterval",
    "Registry",
    "RegistryError",
    "RetryBudget",
    "WriteQueue",
    "WriteRecord",
    "WriteTimeout",
    "__version__",
]

__version__ = "0.1.0"

_LOADED_WHEN_NAMED = {
    "BusyTimeout": "busy_timeout",
    "FixedInterval": "fixed_interval",
    "RetryBudget": "retry_budget",
    "WriteQueue": "write_queue",
    "WriteRecord": "record",
}


def __getattr__(name: str) -> object:
    module = _LOADED_WHEN_NAMED.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.registry.admission.{module}"), name)
