"""The admission policies by name, in the order in which a storm compares them."""

from __future__ import annotations

import ast
from typing import NoReturn

from ..error_base import StormError
from ..registry.parameters import Parameters
from ..registry.sqlite.admission.busy_timeout import BusyTimeout
from ..registry.sqlite.admission.fixed_interval import FixedInterval
from ..registry.sqlite.admission.policy import AdmissionPolicy
from ..registry.sqlite.admission.retry_budget import RetryBudget
from ..registry.sqlite.admission.write_queue import WriteQueue

__all__ = ["ON_REQUEST", "POLICY_NAMES", "Own", "policy_named", "policy_shown_as"]


class Own(Parameters):
    """No policy: the workload begins, retries and commits by itself."""

    name = "own"

    def bind(self, database: str) -> NoReturn:
        """Nothing to bind."""
        raise StormError(f"{database}: a workload with a policy of its own is never admitted by the storm")


_DEFAULTS: tuple[AdmissionPolicy, ...] = (RetryBudget(), BusyTimeout(), FixedInterval(), WriteQueue())
# Compared only where they are asked for. A spinning budget: what OrchestKit's synchronous wait costs the lock's holder.
_ASKED_FOR: tuple[AdmissionPolicy, ...] = (RetryBudget(spin=True),)
_EVERY = (*_DEFAULTS, *_ASKED_FOR)
POLICY_NAMES = tuple(policy.name for policy in _DEFAULTS)
ON_REQUEST = tuple(policy.name for policy in _ASKED_FOR)
# Of parameters in results of 0.1.
_FORMER_NAMES = {"BusyTimeout": {"seconds": "patience"}, "FixedInterval": {"seconds": "interval"}}


def policy_named(name: str) -> AdmissionPolicy:
    """The policy called `name`, of POLICY_NAMES or ON_REQUEST, with its default parameters.

    Raises StormError for an unknown name.
    """
    for policy in _EVERY:
        if policy.name == name:
            return policy
    raise StormError(f"policy {name!r} is unknown; choose from {', '.join((*POLICY_NAMES, *ON_REQUEST))}")


def policy_shown_as(text: str) -> AdmissionPolicy:
    """The policy whose `repr` is `text`, as results store it. Raises StormError for any other text."""
    kinds: dict[str, type] = {kind.__name__: kind for kind in (*map(type, _EVERY), Own)}
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise TypeError("it is no call with named parameters")  # noqa: TRY301  one end for all that it is not
        values = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg is not None}
        names = _FORMER_NAMES.get(call.func.id, {})
        policy: AdmissionPolicy = kinds[call.func.id](
            **{names.get(name, name): value for name, value in values.items()}
        )
    except (SyntaxError, ValueError, TypeError, KeyError) as error:
        raise StormError(
            f"policy {text!r} cannot be made again ({type(error).__name__}: {error}); it is none of {', '.join(kinds)}"
        ) from None
    return policy
