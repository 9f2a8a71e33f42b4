"""How a function reaches a worker: pickled, by value where the worker could not import it."""

from __future__ import annotations

import linecache
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from . import user_frames
from .crash_at import CrashAt
from .errors import ProcessError
from .pickling import pickle_value

__all__ = ["Call", "dumps", "loads"]


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its positional arguments, to be called in a worker before the barrier.

    What it returns is called, without arguments, once the barrier is released; that call's result is the worker's. For
    a function with nothing to prepare use `Call.plain`. crash_at: where the worker is killed, after the barrier.
    """

    prepare: Callable[..., Callable[[], Any]]
    arguments: tuple[Any, ...] = field(default=())
    crash_at: CrashAt | None = None

    @classmethod
    def plain(cls, function: Callable[..., Any], *arguments: Any, crash_at: CrashAt | None = None) -> Call:
        """A call of `function` with `arguments` after the barrier."""
        return cls(_partial, (function, *arguments), crash_at)


def dumps(call: Call, *, by_value: Sequence[ModuleType] = ()) -> bytes:
    """The pickled call. Functions and classes of the modules `by_value` travel whole, without being imported there.

    Raises ProcessError for what cannot be pickled.
    """
    try:
        body = pickle_value((call.prepare, call.arguments, call.crash_at), by_value=by_value)
    except (TypeError, pickle.PicklingError) as error:
        raise ProcessError(
            f"the function cannot be sent to a worker: {error}; what it uses of its own module travels with it, so "
            "make such an object inside the function, or import it from another module"
        ) from error
    return pickle.dumps((user_frames.all_are_shown(), body.sources, body.data))


def loads(data: bytes) -> tuple[Callable[..., Callable[[], Any]], tuple[Any, ...], CrashAt | None]:
    """A call's function, arguments and crash point, in the worker. Raises whatever unpickling them raises."""
    all_shown, sources, body = pickle.loads(data)  # noqa: S301  our own parent wrote it
    user_frames.show_all(shown=all_shown)
    for name, lines in sources.items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    function, arguments, crash_at = pickle.loads(body)  # noqa: S301  our own parent wrote it
    return function, arguments, crash_at


def _partial(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    # no functools.partial: a function written in C is only seen by the profiling hook when Python code calls it
    return lambda: function(*arguments)
