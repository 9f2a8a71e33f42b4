"""The caller's own function as a workload."""

from __future__ import annotations

import inspect
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from ...error_base import StormError
from ...processes import Call, Group, ProcessError, WorkerFailed
from ...registry.sqlite.connection import open_connection
from ...results.failures import FailureLog
from ...results.ledger import Ledger
from ..job import Job, Site
from ..modules import loaded_modules
from ..storm_writes import create_table, drop_table, rows
from .connection_writer import ConnectionWriter
from .own_writer import OwnWriter

__all__ = ["Function", "load_function", "workload_from"]

__tracebackhide__ = True  # pytest shows the test's line, not this module's

T = TypeVar("T")

# The names of a first parameter, and so what the function is given.
_CONNECTION, _STORE, _PATH = "connection", "store", "path"
# How long `prepare` and `acknowledged` may take.
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Function:
    """`function(connection, worker, sequence)`, or with `store` or `path` in the first place: told by that name.

    With a `connection` (from `connect(path)`, by default sqlite3 in WAL mode with a busy timeout), the storm begins and
    commits each transaction under its policy, and the function only writes. With a `store` (whatever `connect(path)`
    returns: an object of some library, opened once in each worker and closed if it has a `close`) or a `path` it does
    everything itself, retries included: no policy applies, and only the whole call can be timed.

    prepare: called with the path before the workers start, in a process of its own.

    acknowledged: called with the path afterwards, likewise; returns the (worker, sequence) of every write in the
        database. Without it the writes through a connection are checked by a row that each leaves in the storm's own
        table, in the same transaction; others are not checked.
    modules: names of those whose functions travel whole to the workers, because they could not import them.

    Raises StormError for a function that cannot be called so.
    """

    function: Callable[[Any, int, int], object]
    name: str
    connect: Callable[[str], Any] | None = None
    prepare_with: Callable[[str], object] | None = None
    acknowledged: Callable[[str], Iterable[tuple[int, int]]] | None = None
    modules: tuple[str, ...] = ()

    foreign_keys = False  # many a file leaves them unenforced, and dangled before the storm

    def __post_init__(self) -> None:
        _check(self.function, self.name)
        takes = _first_parameter(self.function)
        if self.connect is not None and takes == _PATH:
            raise StormError(
                f"{self.name}: connect was given, but its first parameter is {_PATH!r}; name it {_CONNECTION!r}, "
                f"or {_STORE!r} for what begins its own transactions, or open it inside"
            )
        if self.connect is None and takes == _STORE:
            raise StormError(
                f"{self.name}: its first parameter is {_STORE!r}, and nothing says how to open one; "
                "give connect, which is called with the path"
            )

    @property
    def admitted(self) -> bool:
        """Whether the function is given a connection."""
        return _first_parameter(self.function) == _CONNECTION

    @property
    def parameters(self) -> Mapping[str, str]:
        """What it takes to find the function again, and what it was given."""
        connect = {} if self.connect is None else {"connect": getattr(self.connect, "__qualname__", repr(self.connect))}
        return {"function": self.name, "takes": _first_parameter(self.function), **connect}

    def prepare(self, site: Site) -> None:
        """Call the caller's `prepare`, and make the storm's own table where that is used."""
        if self.prepare_with is not None:
            self._run_apart(_call, self.prepare_with, site)
        if self._own_rows:
            create_table(site.database)

    def writer(self, job: Job, ledger: Ledger, failures: FailureLog) -> ConnectionWriter | OwnWriter:
        """The writer of one worker."""
        path = job.site.database
        if not self.admitted:
            given = path if self.connect is None else self.connect(path)
            return OwnWriter(job, ledger, failures, given, self.function)
        connection = (self.connect or open_connection)(path)
        return ConnectionWriter(job, ledger, failures, connection, self.function, insert=self._own_rows)

    def stored_writes(self, site: Site) -> array[int] | None:
        """The storm's own rows, or what the caller's `acknowledged` returns, or None."""
        if self._own_rows:
            return rows(site.database, site.storm)
        if self.acknowledged is None:
            return None
        return array("q", self._run_apart(_pack_keys, self.acknowledged, site))

    def clear(self, site: Site) -> None:
        """Remove the storm's own table."""
        if self._own_rows:
            drop_table(site.database)

    @property
    def _own_rows(self) -> bool:
        return self.admitted and self.acknowledged is None

    def _run_apart(self, wrap: Callable[..., Any], function: Callable[[str], Any], site: Site) -> Any:
        """`wrap(function, path)` in a process of its own: what it leaves open or never ends is no concern of the
        storm's.
        """
        name = f"{self.name}: {getattr(function, '__qualname__', repr(function))}({site.database!r})"
        try:
            calls = [Call.plain(wrap, function, site.database)]
            with Group(calls, deadline_s=_PATIENCE_S, by_value=loaded_modules(self.modules)) as group:
                return group.run()[0]
        except WorkerFailed as error:
            failure = error.failures[0]
            if failure.kind.startswith(StormError.__module__):
                raise StormError(f"{name} {failure.message}") from error
            raise StormError(
                f"{name} raised {failure.kind}: {failure.message}\n{failure.traceback.rstrip()}"
            ) from error
        except ProcessError as error:
            raise StormError(f"{name} did not return: {error}") from error


def load_function(reference: str) -> Function:
    """The function at `module:function`, with the `prepare` and `acknowledged` that its module may have beside it, and
    for one that takes a store with its `connect`.

    Raises StormError for a function that is not there or cannot be called, and for one that takes a connection beside a
    `connect` other than sqlite3's own: the storm opens connections itself, so that it would be no test of that one.
    """
    module_name, _, name = reference.partition(":")
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:
        raise StormError(
            f"workload {reference!r}: module {module_name!r} cannot be imported ({type(error).__name__}: {error}); "
            "name one that can be imported from here"
        ) from error
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise StormError(f"workload {reference!r}: module {module_name!r} has no {name!r}; name one of its functions")
    connect, takes = getattr(module, "connect", None), _first_parameter(found)
    if takes == _CONNECTION and connect is not None and connect is not sqlite3.connect:
        raise StormError(
            f"workload {reference!r}: its module has a connect, which would not be used; name its first parameter "
            f"{_STORE!r} to write through what that returns, or move the function to a module without a connect, "
            "or in a test give storm(function, connect=connect)"
        )
    return Function(
        found,
        reference,
        connect=connect if takes == _STORE else None,
        prepare_with=getattr(module, "prepare", None),
        acknowledged=getattr(module, "acknowledged", None),
    )


def workload_from(
    workload: str | Callable[..., object] | T,
    *,
    connect: Callable[[str], Any] | None,
    prepare: Callable[[str], object] | None,
    acknowledged: Callable[[str], Iterable[tuple[int, int]]] | None,
    modules: tuple[str, ...],
) -> str | Function | T:
    """The workload that a test gave, with what it gave beside it (see Function). What has a name already stays as it
    is. Raises StormError where the rest goes with no function.
    """
    if callable(workload):
        name = f"{workload.__module__}:{getattr(workload, '__qualname__', type(workload).__qualname__)}"
        return Function(workload, name, connect, prepare, acknowledged, modules)
    for word, value in (("connect", connect), ("prepare", prepare), ("acknowledged", acknowledged)):
        if value is not None:
            raise StormError(f"{word} goes with a function of the test's own, not with workload {workload!r}")
    return workload


def _first_parameter(function: Callable[..., object]) -> str:
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a builtin may have none to show
        return ""
    return parameters[0] if parameters else ""


def _check(function: Callable[..., object], name: str) -> None:
    if not callable(function):
        raise StormError(f"workload {name}: is of type {type(function).__name__} and cannot be called; give a function")
    if inspect.iscoroutinefunction(function):
        raise StormError(f"workload {name}: is async; give a function that has written when it returns")
    try:
        inspect.signature(function).bind(None, 0, 0)
    except (TypeError, ValueError) as error:
        raise StormError(
            f"workload {name}: cannot be called with (connection, store or path, worker, sequence) ({error}); "
            "give it these three parameters"
        ) from None
    first = _first_parameter(function)
    if first not in {_CONNECTION, _STORE, _PATH}:
        raise StormError(
            f"workload {name}: its first parameter is {first!r}; name it {_CONNECTION!r} to write inside the storm's "
            f"transaction, {_STORE!r} for what connect returns or {_PATH!r} to do everything itself"
        )


def _call(function: Callable[[str], object], path: str) -> None:
    function(path)


def _pack_keys(function: Callable[[str], Iterable[tuple[int, int]]], path: str) -> bytes:
    """What `acknowledged` returns, as 64-bit keys."""
    keys = array("q")
    for entry in function(path):
        try:
            worker, sequence = entry
            keys.append(int(worker) << 32 | int(sequence))
        except (TypeError, ValueError, OverflowError):
            raise StormError(f"returned {entry!r} among its writes; each must be a pair (worker, sequence)") from None
    return keys.tobytes()
