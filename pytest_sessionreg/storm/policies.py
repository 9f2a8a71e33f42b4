"""The admission policies by name, in the order in which a storm compares them."""

from __future__ import annotations

from ..registry.admission.busy_timeout import BusyTimeout
from ..registry.admission.fixed_interval import FixedInterval
from ..registry.admission.policy import AdmissionPolicy
from ..registry.admission.retry_budget import RetryBudget
from ..registry.admission.write_queue import WriteQueue
from .errors import StormError

__all__ = ["POLICY_NAMES", "policy_named"]

_DEFAULTS: tuple[AdmissionPolicy, ...] = (RetryBudget(), BusyTimeout(), FixedInterval(), WriteQueue())
POLICY_NAMES = tuple(policy.name for policy in _DEFAULTS)
# Compared only where it is asked for: what the seed's synchronous wait costs whoever holds the lock.
_SPIN = RetryBudget(spin=True)


def policy_named(name: str) -> AdmissionPolicy:
    """The policy called `name`, of POLICY_NAMES or "budget-spin", with its default parameters.

    Raises StormError for an unknown name.
    """
    for policy in (*_DEFAULTS, _SPIN):
        if policy.name == name:
            return policy
    raise StormError(f"policy {name!r} is unknown; choose from {', '.join(POLICY_NAMES)} or {_SPIN.name}")
