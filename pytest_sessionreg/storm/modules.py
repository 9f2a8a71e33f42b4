"""The modules of a test, whose functions travel whole to the workers, and what these use."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, ModuleType

__all__ = ["loaded_modules", "modules_used_by"]


def loaded_modules(modules: Iterable[str]) -> list[ModuleType]:
    """Those of `modules` that this process has loaded."""
    return [sys.modules[name] for name in modules if name in sys.modules]


def modules_used_by(modules: Iterable[str]) -> list[str]:
    """Names of the modules that `modules` have something of: what their functions use, workers need not each load.

    Without pytest, which any test module has and hardly a worker needs.
    """
    names: set[str] = set()
    for module in loaded_modules(modules):
        for variable, value in vars(module).items():
            name = "" if variable.startswith("__") else _module_name(value)
            if name in sys.modules and name not in modules:
                names.add(name)
    return sorted(name for name in names if name.partition(".")[0] not in {"pytest", "_pytest", "__main__", "builtins"})


def _module_name(value: object) -> str:
    """Where `value`, a module, class, function or anything else, comes from."""
    kind = type(value)  # not isinstance: a lazy object (Django's settings) would look itself up to answer it
    if issubclass(kind, ModuleType):
        name: object = vars(value).get("__name__")
    elif issubclass(kind, type | FunctionType | BuiltinFunctionType):
        name = getattr(value, "__module__", None)
    else:
        name = kind.__module__
    return name if isinstance(name, str) else ""
