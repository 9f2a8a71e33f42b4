"""What was measured: samples and ledgers, and every figure that is made of them.

Importing this loads nothing; its names, the public ones of this room, are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .alone import ideal_from_alone
    from .causes import Cause
    from .environment import Environment
    from .failures import WriteFailure
    from .limits import Breach
    from .result import Counts, Quantiles, Slowdown, StormResult, StormRun
    from .rounds import Rounds
    from .samples import Samples
    from .summary import PolicySummary, summarize_policies

__all__ = [
    "Breach",
    "Cause",
    "Counts",
    "Environment",
    "PolicySummary",
    "Quantiles",
    "Rounds",
    "Samples",
    "Slowdown",
    "StormResult",
    "StormRun",
    "WriteFailure",
    "ideal_from_alone",
    "summarize_policies",
]

_MODULES = {
    "Breach": "limits",
    "Cause": "causes",
    "Counts": "result",
    "Environment": "environment",
    "PolicySummary": "summary",
    "Quantiles": "result",
    "Rounds": "rounds",
    "Samples": "samples",
    "Slowdown": "result",
    "StormResult": "result",
    "StormRun": "result",
    "WriteFailure": "failures",
    "ideal_from_alone": "alone",
    "summarize_policies": "summary",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{module}"), name)
