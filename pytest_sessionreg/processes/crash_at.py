"""Where a worker process is to be killed: at a point named in its code, or at a function's qualified name.

Two ways to name it, because a test either writes the worker's function itself or wants to reach into a store that it
must not edit:

- `crash_point("name")` in the code, which does nothing unless a test armed that name;
- `"package.module:Class.method"`, before or after its call. It is seen by the interpreter's profiling hook and not by
  patching: so it also works where the function was imported by name, and for functions written in C, such as
  `sqlite3:Connection.commit`, whose types cannot be patched (as long as Python code calls them). The hook slows the
  armed worker down, and no other.

The process ends by SIGKILL: no `finally`, no exit handler, no rollback but the one that the next opener makes.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import unwrap
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodDescriptorType, MethodType
from typing import Any, Literal, Self

from ..crash import listen
from ..error_base import InvalidArgument
from .errors import CrashPointUnknown

__all__ = ["Armed", "CrashAt"]

_Profile = Callable[[FrameType, str, Any], None]


@dataclass(frozen=True, slots=True)
class CrashAt:
    """Where a process is to be killed.

    point: the name given to `crash_point`, or "package.module:function" or "package.module:Class.method".
    when: "before" the function is called, or "after" it was left (a Python function also by an exception or a yield;
        one written in C only by its return).
    hit: which passage, from 1.

    Raises InvalidArgument.
    """

    point: str
    when: Literal["before", "after"] = "before"
    hit: int = 1

    def __post_init__(self) -> None:
        if not self.point:
            raise InvalidArgument("point='': name a crash point, or a function as 'package.module:function'")
        if self.when not in {"before", "after"}:
            raise InvalidArgument(f"when={self.when!r}: must be 'before' or 'after'")
        if self.when == "after" and ":" not in self.point:
            raise InvalidArgument(f"when='after': {self.point!r} is a point and not a function; put one more after it")
        if type(self.hit) is not int or self.hit < 1:
            raise InvalidArgument(f"hit={self.hit!r}: must be a whole number, at least 1")

    def __str__(self) -> str:
        where = f"{self.when} {self.point}" if ":" in self.point else self.point
        return where if self.hit == 1 else f"{where}, passage {self.hit}"


class Armed:
    """`with Armed(crash_at, announce): ...` kills the process at the point, calling `announce` first.

    Names are resolved at construction. Afterwards `hits` counts the passages, and `seen` holds the named points passed.
    Threads started inside are watched too. Raises CrashPointUnknown.
    """

    def __init__(self, crash_at: CrashAt, announce: Callable[[], object]) -> None:
        self.hits = 0
        self.seen: dict[str, None] = {}
        self._crash_at = crash_at
        self._announce = announce
        self._profile = _profile_of(crash_at, self._hit) if ":" in crash_at.point else None

    def __enter__(self) -> Self:
        listen(self._pass)
        if self._profile is not None:
            threading.setprofile(self._profile)
            sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        listen(None)
        if self._profile is not None:
            sys.setprofile(None)
            threading.setprofile(None)

    def _pass(self, name: str) -> None:
        self.seen[name] = None
        if name == self._crash_at.point:
            self._hit()

    def _hit(self) -> None:
        self.hits += 1
        if self.hits == self._crash_at.hit:
            sys.setprofile(None)
            self._announce()
            os.kill(os.getpid(), signal.SIGKILL)


def _profile_of(crash_at: CrashAt, hit: Callable[[], None]) -> _Profile:
    """A profile function that calls `hit` at the function that `crash_at` names."""
    owner, target = _resolve(crash_at.point)
    if isinstance(target, MethodType):
        target = target.__func__
    if isinstance(target, FunctionType):
        return _python_profile(target.__code__, "call" if crash_at.when == "before" else "return", hit)
    event = "c_call" if crash_at.when == "before" else "c_return"
    if isinstance(target, MethodDescriptorType) and isinstance(owner, type):
        return _method_profile(target.__name__, owner, event, hit)
    if isinstance(target, BuiltinFunctionType):
        return _builtin_profile(target, event, hit)
    raise CrashPointUnknown(
        f"{crash_at.point!r} is a {type(target).__name__}, whose calls cannot be seen; name a function or a method"
    )


def _python_profile(code: CodeType, wanted: str, hit: Callable[[], None]) -> _Profile:
    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if frame.f_code is code and event == wanted:
            hit()

    return profile


def _method_profile(name: str, owner: type, wanted: str, hit: Callable[[], None]) -> _Profile:
    def profile(_frame: FrameType, event: str, function: Any) -> None:
        if event == wanted and function.__name__ == name and isinstance(function.__self__, owner):
            hit()

    return profile


def _builtin_profile(target: object, wanted: str, hit: Callable[[], None]) -> _Profile:
    def profile(_frame: FrameType, event: str, function: Any) -> None:
        if event == wanted and function == target:
            hit()

    return profile


def _resolve(point: str) -> tuple[object, object]:
    """What "package.module:a.b" names, under its decorators, and what it is an attribute of."""
    module_name, _, path = point.partition(":")
    try:
        owner: object = None
        target: object = import_module(module_name)
        for name in path.split("."):
            owner, target = target, getattr(target, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise CrashPointUnknown(
            f"{point!r} cannot be found ({error}); write it as 'package.module:function' or "
            "'package.module:Class.method', or put crash_point(name) into the code and arm that name"
        ) from error
    return owner, unwrap(target) if callable(target) else target
