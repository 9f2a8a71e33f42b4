"""The examination of a registry file: what it is, what lives in it, and what is wrong. Reads only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic
from urllib.parse import quote

from .clock import from_optional, now
from .errors import CannotOpen, RegistryError, primary_code
from .holder import holder
from .liveness import is_dead
from .location import resolve
from .sqlite.admission.queue.kernel_locks import READ_LOCKS, shm_locks
from .sqlite.admission.queue.line import line_state
from .sqlite.admission.queue.lock_holder import sqlite_holder
from .sqlite.connection import LOG_LIMIT_BYTES
from .sqlite.filesystem import UNSAFE, file_system_of
from .sqlite.library import wal_reset_bug
from .sqlite.schema import SCHEMA_VERSION, schema_version

__all__ = ["Diagnosis", "Finding", "examine"]

# A log beyond twice its limit is not being checkpointed.
_LARGE_WAL_BYTES = 2 * LOG_LIMIT_BYTES
_READ_PATIENCE_S = 5.0
_PROGRESS_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diagnosis. level: "ok", "note" (worth knowing) or "wrong". remedy: what to do, empty if nothing."""

    name: str
    value: str
    level: str = "ok"
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an examination found. damaged: the file is corrupt or no database, so that a quarantine is in order."""

    path: str
    findings: tuple[Finding, ...]
    damaged: bool

    @property
    def wrong(self) -> bool:
        """Whether anything is wrong."""
        return any(finding.level == "wrong" for finding in self.findings)


def examine(path: str | os.PathLike[str] | None = None, *, full: bool = False, deadline_s: float = 10.0) -> Diagnosis:
    """Examine the registry at `path` (default as Registry.open) without writing to it.

    full: SQLite's integrity_check instead of quick_check. deadline_s: after which the check is left unfinished, and
    said to be. Raises CannotOpen where there is no file.
    """
    resolved = resolve(path, create_directory=False)
    if not os.path.exists(resolved):
        raise CannotOpen(f"{resolved}: does not exist; nothing has been registered there yet", database=resolved)
    findings = [_library(), _file_system(resolved), _wal(resolved), _queue(resolved)]
    try:
        with closing(_read_only(resolved)) as connection:
            findings += _contents(connection, resolved, full=full, deadline_s=deadline_s)
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        damaged = primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        remedy = (
            "run doctor with --quarantine, then restore a backup" if damaged else "see what SQLite says of that code"
        )
        findings.append(Finding("database", f"{name}: {error}", "wrong", remedy))
    except RegistryError as error:
        damaged = False
        findings.append(Finding("database", str(error), "wrong"))
    else:
        damaged = any(finding.name.endswith("check") and finding.level == "wrong" for finding in findings)
    return Diagnosis(resolved, tuple(findings), damaged)


def _read_only(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_READ_PATIENCE_S, isolation_level=None)


def _library() -> Finding:
    if wal_reset_bug():
        return Finding(
            "SQLite", f"{sqlite3.sqlite_version}, has the WAL-reset bug", "note", "upgrade to 3.51.3 or newer"
        )
    return Finding("SQLite", sqlite3.sqlite_version)


def _file_system(path: str) -> Finding:
    kind = file_system_of(path)
    if kind in UNSAFE:
        return Finding("file system", kind, "wrong", "move the file to a local disk: WAL corrupts databases there")
    return Finding("file system", kind)


def _wal(path: str) -> Finding:
    try:
        size = os.stat(path + "-wal").st_size
    except FileNotFoundError:
        return Finding("write-ahead log", "none")
    text = f"{size / 1024:,.0f} KiB"
    if size <= _LARGE_WAL_BYTES:
        return Finding("write-ahead log", text)
    readers = {pid for pid, lock in shm_locks(path) if lock in READ_LOCKS}
    if not readers:
        return Finding("write-ahead log", text, "note", "no reader is in its way any more: the next writes shrink it")
    named = "; ".join(str(holder(pid)) for pid in sorted(readers))
    remedy = "end the read transaction that has been open for longest: it keeps the log from being checkpointed"
    return Finding("write-ahead log", f"{text}, read by {named}", "wrong", remedy)


def _queue(path: str) -> Finding:
    try:
        state = line_state(path)
    except OSError as error:
        remedy = "move it away, or make it readable and writable: writers are not queued, and retry instead"
        return Finding("write queue", f"{error.filename}: {error.strerror}", "note", remedy)
    if state is None:
        return Finding("write queue", "never used")
    inside = sqlite_holder(path, state.seen)
    if inside is None and not state.waiters:
        return Finding("write queue", "idle")
    text = "free" if inside is None else f"held by {inside}"
    if state.waiters:
        first = state.waiters[0]
        who = "" if first.pid is None else f", {holder(first.pid)}"
        text += f", {len(state.waiters)} waiting, the longest for {first.waits_s():.1f} s{who}"
    return Finding("write queue", text, "note" if state.waiters else "ok")


def _contents(connection: sqlite3.Connection, path: str, *, full: bool, deadline_s: float) -> Iterator[Finding]:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    remedy = "open it once with this package, which sets it"
    yield Finding("journal mode", mode) if mode == "wal" else Finding("journal mode", mode, "wrong", remedy)
    version = schema_version(connection, path)
    if version < SCHEMA_VERSION:
        yield Finding("schema", f"{version} of {SCHEMA_VERSION}", "note", "the next Registry.open migrates it")
        yield from _check(connection, full=full, deadline_s=deadline_s)
        return
    yield Finding("schema", f"{version}")
    yield _stale_locks(connection)
    yield _dead_sessions(connection)
    yield from _check(connection, full=full, deadline_s=deadline_s)


def _stale_locks(connection: sqlite3.Connection) -> Finding:
    (stale,) = connection.execute(
        "SELECT count(*) FROM locks JOIN sessions USING (workspace_id, session_id) "
        "WHERE locks.expires_at <= ? OR sessions.status <> 'active'",
        (now(),),
    ).fetchone()
    (held,) = connection.execute("SELECT count(*) FROM locks WHERE expires_at > ?", (now(),)).fetchone()
    text = f"{held} held, {stale} stale"
    return Finding("locks", text, "wrong", "run `sessionreg cleanup`") if stale else Finding("locks", text)


def _dead_sessions(connection: sqlite3.Connection) -> Finding:
    rows = connection.execute(
        "SELECT pid, process_started_at, pid_namespace, process_identity FROM sessions WHERE status = 'active'"
    ).fetchall()
    dead = sum(is_dead(pid, from_optional(start), namespace, identity) for pid, start, namespace, identity in rows)
    text = f"{len(rows)} active, {dead} of them dead"
    return Finding("sessions", text, "wrong", "run `sessionreg cleanup`") if dead else Finding("sessions", text)


def _check(connection: sqlite3.Connection, *, full: bool, deadline_s: float) -> Iterator[Finding]:
    name = "full check" if full else "quick check"
    deadline = monotonic() + deadline_s
    connection.set_progress_handler(lambda: monotonic() > deadline, _PROGRESS_STEPS)
    try:
        (complaint,) = connection.execute(f"PRAGMA {'integrity' if full else 'quick'}_check(1)").fetchone()
        orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        yield Finding(name, f"not finished within {deadline_s:g} s", "note", "give it more time with --deadline")
        return
    finally:
        connection.set_progress_handler(None, 0)
    if complaint != "ok":
        yield Finding(name, complaint, "wrong", "run doctor with --quarantine, then restore a backup")
    elif orphan is not None:
        yield Finding(name, f"a row of {orphan[0]} refers to a missing row of {orphan[2]}", "wrong", "restore a backup")
    else:
        yield Finding(name, "ok")
