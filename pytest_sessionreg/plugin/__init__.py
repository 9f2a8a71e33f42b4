"""What faces pytest; and the types that a test meets: its parameters', and what they return and raise.

Importing this loads none of them: the type of a temporary database reaches worker processes, which need no pytest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..processes import Group, MissedCrashPoint, Worker, WorkerFailure
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
    "Group",
    "MissedCrashPoint",
    "SchemaRefused",
    "SessionRegistryFactory",
    "Storm",
    "TempDb",
    "TemporaryDatabase",
    "Worker",
    "WorkerFailure",
    "Workers",
]

_MODULES = {
    "ConnectionsLeaked": ".fixtures.errors",
    "DatabaseDamaged": ".fixtures.errors",
    "FixtureError": ".fixtures.errors",
    "Group": "..processes",
    "MissedCrashPoint": "..processes",
    "SchemaRefused": ".fixtures.errors",
    "SessionRegistryFactory": ".fixtures.registries",
    "Storm": ".fixtures.storm",
    "TempDb": ".fixtures.temp_db",
    "TemporaryDatabase": ".fixtures.temporary_database",
    "Worker": "..processes",
    "WorkerFailure": "..processes",
    "Workers": ".fixtures.workers",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module, __name__), name)
