"""Where a storm was measured: what a reader must know before comparing two results."""

from __future__ import annotations

import os
import platform
import sqlite3
from dataclasses import dataclass

import psutil

from ..registry.sqlite.filesystem import file_system_of
from ..registry.sqlite.library import wal_reset_bug

__all__ = ["Environment"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine and the software of one result.

    python: its version.
    sqlite_version, sqlite_source_id: of the library in use.
    kernel: name and release.
    machine: architecture.
    cpu: the processor's name.
    cpu_count: processors.
    memory_gib: physical memory.
    file_system: type of the one that holds the database.
    wal_reset_bug: whether this SQLite has it.
    load_1m: load average just before the first storm.
    """

    python: str
    sqlite_version: str
    sqlite_source_id: str
    kernel: str
    machine: str
    cpu: str
    cpu_count: int
    memory_gib: float
    file_system: str
    wal_reset_bug: bool
    load_1m: float

    @classmethod
    def of(cls, database: str) -> Environment:
        """This process's environment, with the file system of `database`, whose directory exists."""
        connection = sqlite3.connect(":memory:")
        try:
            (source_id,) = connection.execute("SELECT sqlite_source_id()").fetchone()
        finally:
            connection.close()
        return cls(
            python=platform.python_version(),
            sqlite_version=sqlite3.sqlite_version,
            sqlite_source_id=source_id,
            kernel=f"{platform.system()} {platform.release()}",
            machine=platform.machine(),
            cpu=_cpu_name(),
            cpu_count=psutil.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            file_system=file_system_of(os.path.abspath(database)),
            wal_reset_bug=wal_reset_bug(),
            load_1m=round(psutil.getloadavg()[0], 2),
        )

    def line(self) -> str:
        """The machine line: one line to quote beside a figure."""
        bug = ", WAL-reset bug" if self.wal_reset_bug else ""
        return (
            f"{self.cpu_count} x {self.cpu}, {self.memory_gib:g} GiB, {self.kernel}, {self.file_system}, "
            f"Python {self.python}, SQLite {self.sqlite_version}{bug}"
        )


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
