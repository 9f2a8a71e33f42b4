"""A record's class becomes a dataclass here, when the first record is made."""

from __future__ import annotations

import os
from _thread import allocate_lock
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["finish", "restored"]

_lock = allocate_lock()


def finish(kind: type) -> None:
    """Make `kind`, which has its slots, a frozen dataclass, whichever thread is the first to need it."""
    with _lock:
        if "__dataclass_fields__" not in vars(kind):
            dataclass(frozen=True)(kind)


def restored(kind: type[T], values: dict[str, Any]) -> T:
    """The record that was pickled or copied: by name, so that it is right however the fields are ordered by then."""
    return kind(**values)


def _after_fork_in_child() -> None:
    """A thread that the child does not have may have held the lock."""
    global _lock  # noqa: PLW0603  the lock is the process's own
    _lock = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
