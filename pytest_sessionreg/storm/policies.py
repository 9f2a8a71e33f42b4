"""The admission policies by name, in the order in which a storm compares them."""

from __future__ import annotations

from ..registry.admission.busy_timeout import BusyTimeout
from ..registry.admission.fixed_interval import FixedInterval
from ..registry.admission.policy import AdmissionPolicy
from ..registry.admission.retry_budget import RetryBudget
from ..registry.admission.write_queue import WriteQueue
from .errors import StormError

__all__ = ["POLICY_NAMES", "policy_named"]

_KINDS = (RetryBudget, BusyTimeout, FixedInterval, WriteQueue)
POLICY_NAMES = tuple(kind.name for kind in _KINDS)


def policy_named(name: str) -> AdmissionPolicy:
    """The policy called `name` with its default parameters. Raises StormError for an unknown name."""
    for kind in _KINDS:
        if kind.name == name:
            return kind()
    raise StormError(f"policy {name!r} is unknown; choose from {', '.join(POLICY_NAMES)}")
