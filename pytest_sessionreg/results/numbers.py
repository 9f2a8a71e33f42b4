"""Numbers that callers give: finite, and within bounds."""

from __future__ import annotations

import math

from ..error_base import StormError

__all__ = ["check_number"]


def check_number(name: str, value: object, minimum: float, maximum: float, *, whole: bool = False) -> None:
    """Raise StormError unless `value` is a finite number (`whole`: an int) from `minimum` to `maximum`."""
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not math.isfinite(value):
        raise StormError(f"{name}={value!r}: must be {'a whole' if whole else 'a'} number")
    if not minimum <= value <= maximum:
        raise StormError(f"{name}={value}: must be between {minimum:g} and {maximum:g}")
