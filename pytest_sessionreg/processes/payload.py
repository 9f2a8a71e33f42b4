"""How a function reaches a worker: pickled by cloudpickle, by value where the worker could not import it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import cloudpickle

__all__ = ["Call", "dumps"]


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its positional arguments, to be called in a worker before the gate.

    What it returns is called, without arguments, once the gate is open; that call's result is the worker's. For a
    function with nothing to prepare use `Call.plain`.
    """

    prepare: Callable[..., Callable[[], Any]]
    arguments: tuple[Any, ...] = field(default=())

    @classmethod
    def plain(cls, function: Callable[..., Any], *arguments: Any) -> Call:
        """A call of `function` with `arguments` after the gate."""
        return cls(_partial, (function, *arguments))


def dumps(call: Call, *, by_value: ModuleType | None = None) -> bytes:
    """The pickled call. Functions and classes of the module `by_value` travel whole, so that the worker need not import
    it.
    """
    with _by_value(by_value):
        return bytes(cloudpickle.dumps((call.prepare, call.arguments)))


@contextmanager
def _by_value(module: ModuleType | None) -> Iterator[None]:
    if (
        module is None
        or module.__name__ in cloudpickle.list_registry_pickle_by_value()
        or module.__name__ not in sys.modules
    ):
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _partial(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)
