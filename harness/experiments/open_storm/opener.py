"""One opener: a worker process that opens the file once, at the barrier, and tells how it went."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

# loaded here, before the barrier: Registry.open would load its default policy inside the measured time
import pytest_sessionreg.registry.sqlite.admission.write_queue  # noqa: F401

from .orders import OpenFailed, Order, order_named

__all__ = ["Opened", "prepare"]


@dataclass(frozen=True, slots=True)
class Opened:
    """How one opening went.

    phase: of the step that failed, None if all succeeded.
    code: SQLite's extended result code of the failure, None where SQLite had no part in it.
    kind: the exception's name.
    took_ms: until open, or failed.
    """

    phase: str | None
    code: int | None
    kind: str | None
    took_ms: float


def prepare(path: str, order_name: str) -> Callable[[], Opened]:
    """An opener of the file at `path`. What it opened stays open until the process ends: the churn of last closers is
    another question.
    """
    order: Order = order_named(order_name)
    kept: list[object] = []

    def run() -> Opened:
        started = monotonic_ns()
        try:
            kept.append(order.open(path))
        except OpenFailed as failed:
            took_ms = (monotonic_ns() - started) / 1e6
            error = failed.error
            code = error.sqlite_errorcode if isinstance(error, sqlite3.Error) else getattr(error, "code", None)
            return Opened(failed.phase, code, type(error).__name__, took_ms)
        return Opened(None, None, None, (monotonic_ns() - started) / 1e6)

    return run
