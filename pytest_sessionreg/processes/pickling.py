"""Objects on their way to and from a worker: pickled by cloudpickle, and rebuilt under their own file names."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from types import CodeType, ModuleType
from typing import Any

import cloudpickle

__all__ = ["Pickled", "pickle_value"]


@dataclass(frozen=True, slots=True)
class Pickled:
    """data: for `pickle.loads`.
    sources: the lines of code that no file holds (a notebook's cell, a doctest), by the name that its tracebacks give.
    """

    data: bytes
    sources: dict[str, list[str]]


def pickle_value(value: object, *, by_value: Sequence[ModuleType] = ()) -> Pickled:
    """`value`, pickled. Functions and classes of the modules `by_value` travel whole, without being imported again.

    Raises what pickling raises: PicklingError, TypeError, and whatever a `__reduce__` raises.
    """
    with ExitStack() as registered:
        for module in by_value:
            registered.enter_context(_by_value(module))
        buffer = BytesIO()
        pickler = _Pickler(buffer)
        pickler.dump(value)
        return Pickled(buffer.getvalue(), pickler.sources)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    """cloudpickle's, with two differences.

    Code keeps its file name, which cloudpickle 3.1.3 and newer replace by "<dynamic-code>": tracebacks, debuggers and
    coverage live by it. Modules are known by their base type: some libraries put an object of their own (apsw).
    """

    def __init__(self, buffer: BytesIO) -> None:
        super().__init__(buffer)
        self.sources: dict[str, list[str]] = {}

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is CodeType:
            self._note_source(obj.co_filename)
            return _rebuilt, (obj.co_filename, *self.dispatch_table[CodeType](obj))
        if kind is not ModuleType and issubclass(kind, ModuleType) and obj.__name__ in sys.modules:
            return import_module, (obj.__name__,)
        return super().reducer_override(obj)

    def _note_source(self, filename: str) -> None:
        if filename not in self.sources and not os.path.exists(filename):
            lines = linecache.getlines(filename)
            if lines:
                self.sources[filename] = lines


def _rebuilt(filename: str, make: Callable[..., CodeType], arguments: tuple[Any, ...]) -> CodeType:
    return make(*arguments).replace(co_filename=filename)


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
