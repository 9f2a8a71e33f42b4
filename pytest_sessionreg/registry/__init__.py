"""The session registry. Imports the standard library only, and little of it: hooks start cold."""

from __future__ import annotations

from .errors import RegistryError, WriteTimeout
from .registry import Registry

__all__ = ["Registry", "RegistryError", "WriteTimeout"]
