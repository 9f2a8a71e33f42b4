"""The session registry. Imports the standard library only, and little of it: hooks start cold.

The way of a write: docs/how-it-works.md#a-write. What it has to survive: docs/field-failures.md.

Importing this package loads nothing; its names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .errors import RegistryError, WriteTimeout
    from .registry import Registry

__all__ = ["Registry", "RegistryError", "WriteTimeout"]


def __getattr__(name: str) -> object:
    if name == "Registry":
        from .registry import Registry

        return Registry
    if name in __all__:
        from . import errors

        return getattr(errors, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
