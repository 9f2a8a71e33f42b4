"""Every error that this package raises on purpose, by name. All derive from SessionregError.

Each is loaded from its room when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .error_base import InvalidArgument, ResultError, SessionregError, StormError
    from .extras import MissingExtra
    from .plugin.fixtures.errors import ConnectionsLeaked, DatabaseDamaged, FixtureError, SchemaRefused
    from .processes.errors import (
        CrashPointMissed,
        CrashPointUnknown,
        DeadlinePassed,
        GroupEmpty,
        GroupEnded,
        ProcessError,
        WorkerDied,
        WorkerEnded,
        WorkerFailed,
    )
    from .registry.errors import (
        CannotOpen,
        DatabaseBusy,
        DatabaseCorrupt,
        DatabaseMoved,
        DatabaseReadOnly,
        DiskFull,
        InvalidValue,
        NotARegistry,
        NotFound,
        RefusedInTest,
        RegistryClosed,
        RegistryError,
        SchemaTooNew,
        StorageError,
        TransactionState,
        UnsafeFileSystem,
        WriteTimeout,
        WrongOwner,
    )
    from .registry.importers.errors import UnknownSource, UnreadableSource
    from .results.limits import BudgetExceeded
    from .storm.interruption import StormInterrupted, WorkloadFailed

__all__ = [
    "BudgetExceeded",
    "CannotOpen",
    "ConnectionsLeaked",
    "CrashPointMissed",
    "CrashPointUnknown",
    "DatabaseBusy",
    "DatabaseCorrupt",
    "DatabaseDamaged",
    "DatabaseMoved",
    "DatabaseReadOnly",
    "DeadlinePassed",
    "DiskFull",
    "FixtureError",
    "GroupEmpty",
    "GroupEnded",
    "InvalidArgument",
    "InvalidValue",
    "MissingExtra",
    "NotARegistry",
    "NotFound",
    "ProcessError",
    "RefusedInTest",
    "RegistryClosed",
    "RegistryError",
    "ResultError",
    "SchemaRefused",
    "SchemaTooNew",
    "SessionregError",
    "StorageError",
    "StormError",
    "StormInterrupted",
    "TransactionState",
    "UnknownSource",
    "UnreadableSource",
    "UnsafeFileSystem",
    "WorkerDied",
    "WorkerEnded",
    "WorkerFailed",
    "WorkloadFailed",
    "WriteTimeout",
    "WrongOwner",
]

_ROOMS = (
    "error_base",
    "registry.errors",
    "processes.errors",
    "plugin.fixtures.errors",
    "registry.importers.errors",
    "extras",
)
_ELSEWHERE = {
    "BudgetExceeded": "results.limits",
    "StormInterrupted": "storm.interruption",
    "WorkloadFailed": "storm.interruption",
}


def __getattr__(name: str) -> object:
    if name in __all__:
        from importlib import import_module

        for room in [_ELSEWHERE[name]] if name in _ELSEWHERE else _ROOMS:
            found = getattr(import_module(f"{__package__}.{room}"), name, None)
            if found is not None:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
