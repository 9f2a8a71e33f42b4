"""What the registry's operations cost beside the same work written by hand with sqlite3.

    python tests/benchmarks/registry_operations.py [--rows N]

By hand means: BEGIN IMMEDIATE, the same statement, COMMIT; for reads, the same values made of the same columns. Rounds
are interleaved, figures are medians over rounds. Bars: a heartbeat, a register, a get 1.6; listing 10,000 sessions 1.5;
opening a settled database 1.5; an operation with N rows (default 1,000,000) over the same with 1,000 rows 1.3.

glibc is told not to trim its heap: it would give memory back and fetch it again in every transaction of whichever side
happens to work at the heap's end, which costs more than what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import perf_counter

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.clock import now
from pytest_sessionreg.registry.stores.sessions import Session
from pytest_sessionreg.results.environment import Environment

_ROUNDS = 15
_COLUMNS = (
    "workspace_id, session_id, pid, ppid, process_started_at, pid_namespace, cwd, repo_path, repo_hash, worktree, "
    "branch, parent_id, label, notify, transport_kind, transport_details, status, started_at, last_heartbeat_at, "
    "ended_at, expires_at, metadata"
)
_REGISTER = (
    "INSERT INTO sessions (workspace_id, session_id, cwd, branch, notify, transport_kind, transport_details, "
    "status, started_at, last_heartbeat_at, metadata) "
    "VALUES ('default', ?, ?, ?, 0, 'unknown', '{}', 'active', ?, ?, ?) "
    "ON CONFLICT (workspace_id, session_id) DO UPDATE SET cwd = excluded.cwd, branch = excluded.branch, "
    "status = 'active', last_heartbeat_at = excluded.last_heartbeat_at, ended_at = NULL, metadata = excluded.metadata"
)


def main() -> None:
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        settings = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_TOP_PAD_": str(1 << 24)}
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **settings})  # noqa: S606  ourselves again
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as directory:
        small, large = (os.path.join(directory, name) for name in ("small.db", "large.db"))
        print(Environment.of(small).line())
        _fill(small, 1_000)
        print(f"{'operation':<34}{'registry us':>12}{'by hand us':>12}{'ratio':>8}{'bar':>7}")
        _against_hand(small, os.path.join(directory, "ten-thousand.db"))
        _fill(large, rows)
        print(f"{'operation':<34}{f'{rows} rows':>12}{'1000 rows':>12}{'ratio':>8}{'bar':>7}")
        _against_size(large, small)


def _against_hand(path: str, listed: str) -> None:
    _fill(listed, 10_000)
    hand = _by_hand(path)
    with Registry.open(path) as registry:
        sessions = registry.sessions
        _compare("heartbeat", lambda: sessions.heartbeat("s-500"), lambda: _heartbeat(hand), 500, 1.6)
        _compare(
            "register (resumed)",
            lambda: sessions.register("s-500", cwd="/home/dev", branch="main", metadata={"a": 1}),
            lambda: _register(hand),
            500,
            1.6,
        )
        _compare("get", lambda: sessions.get("s-500"), lambda: _get(hand, "s-500"), 500, 1.6)
    hand.close()
    hand = _by_hand(listed)
    with Registry.open(listed) as registry:
        _compare("list of 10,000", registry.sessions.list, lambda: _list(hand), 1, 1.5)
        _compare(
            "open and close, settled", lambda: Registry.open(path).close(), lambda: _by_hand(path).close(), 100, 1.5
        )
    hand.close()


def _against_size(large: str, small: str) -> None:
    with Registry.open(large) as big, Registry.open(small) as little:
        for name, call in (
            ("heartbeat", lambda registry: registry.sessions.heartbeat("s-500")),
            (
                "register (resumed)",
                lambda registry: registry.sessions.register("s-500", cwd="/home/dev", branch="main"),
            ),
            ("get", lambda registry: registry.sessions.get("s-500")),
            ("by_ppid", lambda registry: registry.sessions.by_ppid(1500)),
            ("peers", lambda registry: registry.sessions.peers("s-500")),
        ):
            _compare(name, lambda call=call: call(big), lambda call=call: call(little), 300, 1.3)  # type: ignore[misc]


def _compare(name: str, one: Callable[[], object], other: Callable[[], object], count: int, bar: float) -> None:
    pairs = [(_us(one, count), _us(other, count)) for _ in range(_ROUNDS)]
    ratio = median(mine / theirs for mine, theirs in pairs)
    mine, theirs = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    print(f"{name:<34}{mine:>12.1f}{theirs:>12.1f}{ratio:>8.2f}{bar:>7.2f}{'' if ratio <= bar else '   over the bar'}")


def _us(call: Callable[[], object], count: int) -> float:
    started = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - started) / count * 1e6


def _fill(path: str, count: int) -> None:
    with Registry.open(path) as registry, registry.transaction() as transaction:
        instant = now()
        for start in range(0, count, 10_000):
            for number in range(start, min(start + 10_000, count)):
                transaction.execute(
                    "INSERT INTO sessions (workspace_id, session_id, ppid, cwd, repo_path, branch, notify, "
                    "transport_kind, transport_details, status, started_at, last_heartbeat_at, metadata) "
                    "VALUES ('default', ?, ?, '/home/dev', ?, 'main', 0, 'unknown', '{}', 'active', ?, ?, '{}')",
                    (f"s-{number}", 1000 + number, f"/repo/{number // 4}", instant, instant),
                )


def _by_hand(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA user_version").fetchone()
    return connection


def _instant() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _heartbeat(hand: sqlite3.Connection) -> None:
    hand.execute("BEGIN IMMEDIATE")
    hand.execute(
        "UPDATE sessions SET last_heartbeat_at = ? "
        "WHERE workspace_id = 'default' AND session_id = ? AND status = 'active'",
        (_instant(), "s-500"),
    )
    hand.execute("COMMIT")


def _register(hand: sqlite3.Connection) -> None:
    instant = _instant()
    metadata = json.dumps({"a": 1})
    hand.execute("BEGIN IMMEDIATE")
    hand.execute(_REGISTER, ("s-500", "/home/dev", "main", instant, instant, metadata))
    hand.execute("COMMIT")


def _get(hand: sqlite3.Connection, session_id: str) -> Session:
    sql = f"SELECT {_COLUMNS} FROM sessions WHERE workspace_id = 'default' AND session_id = ?"
    return _session(hand.execute(sql, (session_id,)).fetchone())


def _list(hand: sqlite3.Connection) -> list[Session]:
    sql = f"SELECT {_COLUMNS} FROM sessions WHERE workspace_id = 'default' ORDER BY started_at, session_id"
    return [_session(row) for row in hand.execute(sql).fetchall()]


def _session(row: tuple[str, ...]) -> Session:
    """What a careful author writes by hand: the same record, its instants and JSON parsed."""
    values: list[object] = list(row)
    for position in (4, 17, 18, 19, 20):
        text = values[position]
        values[position] = None if text is None else datetime.fromisoformat(str(text))
    values[13] = bool(values[13])
    values[15], values[21] = json.loads(row[15]), json.loads(row[21])
    return Session(*values)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
