"""Arguments for calls of the stores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

__all__ = ["combinations"]


def combinations(**choices: Any) -> Iterator[dict[str, Any]]:
    """Every way to give or leave out each argument."""
    for use in product((False, True), repeat=len(choices)):
        yield {name: value for (name, value), used in zip(choices.items(), use, strict=True) if used}
