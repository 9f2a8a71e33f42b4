"""What faces pytest; and the types to annotate a test's parameters with.

Importing this loads none of them: the type of a temporary database reaches worker processes, which need no pytest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .fixtures.errors import ConnectionsLeaked, DatabaseDamaged, FixtureError, SchemaRefused
    from .fixtures.registries import SessionRegistryFactory
    from .fixtures.storm import Storm
    from .fixtures.temp_db import TempDb
    from .fixtures.temporary_database import TemporaryDatabase
    from .fixtures.workers import Workers

__all__ = [
    "ConnectionsLeaked",
    "DatabaseDamaged",
    "FixtureError",
    "SchemaRefused",
    "SessionRegistryFactory",
    "Storm",
    "TempDb",
    "TemporaryDatabase",
    "Workers",
]

_MODULES = {
    "ConnectionsLeaked": "errors",
    "DatabaseDamaged": "errors",
    "FixtureError": "errors",
    "SchemaRefused": "errors",
    "SessionRegistryFactory": "registries",
    "Storm": "storm",
    "TempDb": "temp_db",
    "TemporaryDatabase": "temporary_database",
    "Workers": "workers",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.fixtures.{module}"), name)
