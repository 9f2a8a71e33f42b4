"""How a function reaches a worker: pickled by cloudpickle, by value where the worker could not import it."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import Any

import cloudpickle

from .crash_at import CrashAt
from .errors import ProcessError

__all__ = ["Call", "dumps"]


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its positional arguments, to be called in a worker before the gate.

    What it returns is called, without arguments, once the gate is open; that call's result is the worker's. For a
    function with nothing to prepare use `Call.plain`. crash_at: where the worker is to be killed, after the gate.
    """

    prepare: Callable[..., Callable[[], Any]]
    arguments: tuple[Any, ...] = field(default=())
    crash_at: CrashAt | None = None

    @classmethod
    def plain(cls, function: Callable[..., Any], *arguments: Any, crash_at: CrashAt | None = None) -> Call:
        """A call of `function` with `arguments` after the gate."""
        return cls(_partial, (function, *arguments), crash_at)


def dumps(call: Call, *, by_value: Sequence[ModuleType] = ()) -> bytes:
    """The pickled call. Functions and classes of the modules `by_value` travel whole, without being imported there."""
    with ExitStack() as registered:
        for module in by_value:
            registered.enter_context(_by_value(module))
        buffer = BytesIO()
        try:
            _Pickler(buffer).dump((call.prepare, call.arguments, call.crash_at))
        except (TypeError, pickle.PicklingError) as error:
            raise ProcessError(
                f"the function cannot be sent to a worker: {error}; what it uses of its own module travels with it, so "
                "make such an object inside the function, or import it from another module"
            ) from error
        return buffer.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    """cloudpickle's, which knows modules by their exact type: some libraries put an object of their own (apsw)."""

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is not ModuleType and issubclass(kind, ModuleType) and obj.__name__ in sys.modules:
            return import_module, (obj.__name__,)
        return super().reducer_override(obj)


@contextmanager
def _by_value(module: ModuleType) -> Iterator[None]:
    if module.__name__ in cloudpickle.list_registry_pickle_by_value() or module.__name__ not in sys.modules:
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _partial(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    # no functools.partial: a function written in C is only seen by the profiling hook when Python code calls it
    return lambda: function(*arguments)
