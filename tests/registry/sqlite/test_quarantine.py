from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_sessionreg import Registry, WriteTimeout
from pytest_sessionreg.registry.doctor import examine
from pytest_sessionreg.registry.errors import DatabaseCorrupt, DatabaseMoved
from pytest_sessionreg.registry.sqlite.admission.queue.bell import SUFFIX as BELL
from pytest_sessionreg.registry.sqlite.admission.queue.sidecar import SUFFIX
from pytest_sessionreg.registry.sqlite.quarantine import quarantine


@pytest.fixture
def damaged(database: str) -> str:
    """A registry with a log that was not checkpointed, and a first page that is nonsense."""
    with Registry.open(database) as registry:
        for number in range(50):
            registry.sessions.register(f"s-{number}")
    data = bytearray(Path(database).read_bytes())
    data[:64] = os.urandom(64)
    Path(database).write_bytes(data)
    Path(database + "-wal").write_bytes(b"the log")
    Path(database + "-shm").write_bytes(b"its index")
    return database


def test_every_byte_is_kept_under_names_that_fit_each_other(damaged: str) -> None:
    before = {suffix: Path(damaged + suffix).read_bytes() for suffix in ("", "-wal", "-shm")}
    moved = quarantine(damaged)
    base = moved[-1]
    assert {path[len(base) :]: Path(path).read_bytes() for path in moved} == before
    assert base.startswith(damaged + ".damaged-")
    assert sorted(os.listdir(os.path.dirname(damaged))) == sorted(
        [
            *(os.path.basename(path) for path in moved),
            *(os.path.basename(damaged) + suffix for suffix in (SUFFIX, BELL)),
        ]
    )


def test_the_path_is_free_for_a_new_registry(damaged: str) -> None:
    with pytest.raises(DatabaseCorrupt):
        Registry.open(damaged)
    quarantine(damaged)
    with Registry.open(damaged) as registry:
        assert registry.sessions.list() == []


def test_a_writer_inside_is_waited_for_and_named_as_the_reason(database: str) -> None:
    with Registry.open(database) as registry, registry.transaction():
        registry.sessions.register("one")
        with pytest.raises(WriteTimeout, match="nothing was moved"):
            quarantine(database, patience_s=0.1)
    with Registry.open(database) as registry:
        assert registry.sessions.get("one") is not None


def test_a_quarantine_leaves_the_queue_free(database: str) -> None:
    Registry.open(database).close()
    quarantine(database)
    with Registry.open(database) as registry:
        registry.sessions.register("one")


@pytest.mark.parametrize(
    "use",
    [
        lambda registry: registry.sessions.list(),
        lambda registry: registry.sessions.heartbeat("one"),
        lambda registry: registry.transaction().__enter__(),
    ],
    ids=["read", "write", "transaction"],
)
@pytest.mark.parametrize("replaced", [False, True], ids=["gone", "replaced"])
def test_a_process_that_has_the_file_open_notices(
    database: str, use: Callable[[Registry], object], *, replaced: bool
) -> None:
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        quarantine(database)
        if replaced:
            Registry.open(database).close()
        with pytest.raises(DatabaseMoved, match="another file now" if replaced else "is gone"):
            use(registry)
    with Registry.open(database) as registry:
        assert registry.sessions.get("one") is None, "nothing was written to the new file"


def test_a_corrupt_file_is_not_retried(database: str) -> None:
    with Registry.open(database) as registry:
        for number in range(200):
            registry.sessions.register(f"s-{number}")
    connection = sqlite3.connect(database)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()
    connection.close()
    data = bytearray(Path(database).read_bytes())
    data[4096 * (page - 1) : 4096 * page] = os.urandom(4096)
    Path(database).write_bytes(data)
    tries: list[str] = []
    with Registry.open(database) as registry:
        registry._database._connection.set_trace_callback(tries.append)  # type: ignore[union-attr]
        with pytest.raises(DatabaseCorrupt, match="do not retry") as caught:
            registry.sessions.register("one")
    assert caught.value.code is not None
    assert caught.value.code & 0xFF == sqlite3.SQLITE_CORRUPT
    assert sum("INSERT INTO sessions" in statement for statement in tries) == 1
    assert examine(database).damaged
