from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_sessionreg import FixedInterval, Registry, RetryBudget, WriteRecord, WriteTimeout
from pytest_sessionreg.registry.errors import DatabaseBusy, DatabaseMoved, RegistryClosed, TransactionState, WrongOwner
from pytest_sessionreg.registry.sqlite import database as registry_database
from pytest_sessionreg.registry.sqlite.connection import open_connection
from pytest_sessionreg.registry.sqlite.database import Database
from pytest_sessionreg.registry.sqlite.schema import SCHEMA_VERSION
from pytest_sessionreg.registry.stores.sessions import Sessions


@pytest.fixture
def records() -> list[WriteRecord]:
    return []


@pytest.fixture
def observed(database: str, records: list[WriteRecord]) -> Iterator[Registry]:
    with Registry.open(database, observer=records.append) as registry:
        records.clear()
        yield registry


def test_a_transaction_writes_all_of_it(session_registry: Registry) -> None:
    with session_registry.transaction():
        session_registry.sessions.register("one")
        session_registry.sessions.register("two")
    assert len(session_registry.sessions.list()) == 2


def test_a_transaction_that_raises_writes_nothing(session_registry: Registry) -> None:
    with pytest.raises(KeyError), session_registry.transaction():
        session_registry.sessions.register("one")
        raise KeyError
    assert session_registry.sessions.list() == []


def test_a_transaction_inside_another_is_refused_and_harms_nothing(session_registry: Registry) -> None:
    with session_registry.transaction():
        session_registry.sessions.register("one")
        with pytest.raises(TransactionState, match="already open"), session_registry.transaction():
            pass
    assert session_registry.sessions.get("one") is not None


def test_a_statement_outside_a_transaction_is_refused(session_registry: Registry) -> None:
    with session_registry.transaction() as transaction:
        pass
    with pytest.raises(TransactionState, match="no transaction is open"):
        transaction.execute("DELETE FROM sessions")


def test_the_callers_own_sql_joins_the_transaction(session_registry: Registry) -> None:
    with session_registry.transaction() as transaction:
        session_registry.sessions.register("one")
        changed = transaction.execute("UPDATE sessions SET label = ?", ("mine",)).rowcount
    session = session_registry.sessions.get("one")
    assert changed == 1
    assert session is not None
    assert session.label == "mine"


def test_a_transaction_that_sqlite_rolled_back_is_not_taken_for_written(session_registry: Registry) -> None:
    with pytest.raises(TransactionState, match="rolled the transaction back"), session_registry.transaction() as own:
        session_registry.sessions.register("one")
        own.execute("ROLLBACK")
    assert session_registry.sessions.list() == []
    session_registry.sessions.register("two")


def test_the_observer_sees_a_committed_write(observed: Registry, records: list[WriteRecord]) -> None:
    observed.sessions.register("one")
    (record,) = records
    assert (record.outcome, record.busy, record.retries, record.code, record.phase) == ("committed", 0, 0, None, None)
    assert record.started_ns > 0
    assert record.wait_ns >= 0
    assert record.hold_ns > 0


def test_the_observer_sees_one_record_per_transaction(observed: Registry, records: list[WriteRecord]) -> None:
    with observed.transaction():
        observed.sessions.register("one")
        observed.sessions.heartbeat("one")
    with pytest.raises(KeyError), observed.transaction():
        raise KeyError
    assert [(record.outcome, record.phase) for record in records] == [("committed", None), ("rolled back", "body")]


def test_the_observer_sees_nothing_of_reads(observed: Registry, records: list[WriteRecord]) -> None:
    observed.sessions.list()
    assert records == []


@pytest.mark.parametrize(
    ("policy", "busy", "retries"),
    [(RetryBudget(retries=3, min_delay=0, max_delay=0.001), 4, 3), (RetryBudget(retries=0), 1, 0)],
)
def test_the_observer_sees_an_exhausted_write(
    database: str, records: list[WriteRecord], policy: RetryBudget, busy: int, retries: int
) -> None:
    with Registry.open(database, policy=policy, observer=records.append) as registry:
        records.clear()
        holder = sqlite3.connect(database, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(WriteTimeout) as caught:
            registry.sessions.register("one")
        holder.close()
    (record,) = records
    assert (record.outcome, record.busy, record.retries) == ("exhausted", busy, retries)
    assert (record.code, record.phase, record.hold_ns) == (sqlite3.SQLITE_BUSY, "begin", 0)
    assert caught.value.busy == busy
    assert caught.value.phase == "begin"


@pytest.mark.parametrize("read", ["sessions", "schema version"])
def test_a_read_waits_for_an_exclusive_lock_although_begin_does_not(
    database: str, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    """What recovery, or the last closer's checkpoint, does to a read that comes just then."""
    with Registry.open(database, policy=FixedInterval()) as registry:
        registry.sessions.register("one")
    real = open_connection

    def open_then_lock(path: str) -> sqlite3.Connection:
        connection = real(path)
        connection.close()
        blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
        blocker.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.3, blocker.close)
        release.start()
        releases.append(release)
        return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)

    releases: list[threading.Timer] = []
    monkeypatch.setattr(registry_database, "open_connection", open_then_lock)
    opened = Database(database, policy=FixedInterval(), observer=None)
    try:
        if read == "sessions":
            assert len(Sessions(opened, "default").list()) == 1
        else:
            assert opened.schema_version() == SCHEMA_VERSION
    finally:
        releases[0].join()
        opened.close()


def test_another_thread_is_refused_before_sqlite_is_touched(session_registry: Registry) -> None:
    caught: list[Exception] = []

    def use() -> None:
        for action in (
            session_registry.sessions.list,
            session_registry.close,
            session_registry.transaction().__enter__,
        ):
            try:
                action()
            except WrongOwner as error:
                caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(caught) == 3
    assert "another thread" in str(caught[0])


def test_a_forked_child_is_refused_and_harms_nothing(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    child = os.fork()
    if not child:
        refused = 0
        for action in (session_registry.sessions.list, session_registry.close):
            try:
                action()
            except WrongOwner:
                refused += 1
        os._exit(refused)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 2
    assert session_registry.sessions.heartbeat("one")


def test_a_closed_registry_says_so(database: str) -> None:
    registry = Registry.open(database)
    registry.close()
    registry.close()
    with pytest.raises(RegistryClosed):
        registry.sessions.list()


def test_closing_rolls_back_what_is_open(database: str) -> None:
    registry = Registry.open(database)
    transaction = registry.transaction()
    transaction.__enter__()
    registry.sessions.register("one")
    registry.close()
    with Registry.open(database) as again:
        assert again.sessions.list() == []


def test_opening_gives_up_on_a_file_that_stays_locked(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_sessionreg.registry.sqlite.connection.OPEN_PATIENCE_S", 0.1)
    Registry.open(database).close()
    blocker = sqlite3.connect(database, isolation_level=None)
    blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(DatabaseBusy, match="kept it locked"):
            Registry.open(database)
    finally:
        blocker.close()


def test_a_write_notices_that_its_log_was_unlinked_after_a_stray_close(database: str) -> None:
    """Closing any descriptor of the file drops this process's POSIX locks; the sibling's close is a last close then."""
    sibling = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('CREATE TABLE sibling (number INTEGER)'); connection.close()\n"
    )
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        with open(database, "rb"):
            pass
        subprocess.run([sys.executable, "-c", sibling, database], check=True, timeout=60)
        assert not os.path.exists(database + "-wal")
        for _ in range(2):
            with pytest.raises(DatabaseMoved, match="was deleted or replaced under this registry"):
                registry.sessions.register("two")
    with Registry.open(database) as again:
        assert [session.session_id for session in again.sessions.list()] == ["one"]


def test_a_commit_notices_that_its_log_was_unlinked_in_the_middle_of_the_transaction(database: str) -> None:
    """And what a sibling wrote meanwhile is not overwritten by what that log holds, once it is closed."""
    sibling = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute(sys.argv[2]).fetchall(); connection.close()\n"
    )
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        transaction = registry.transaction()
        transaction.__enter__()
        registry.sessions.register("two")
        with open(database, "rb"):
            pass
        for statement in ("SELECT count(*) FROM sessions", "UPDATE sessions SET label = 'by a sibling'"):
            subprocess.run([sys.executable, "-c", sibling, database, statement], check=True, timeout=60)
        assert not os.path.exists(database + "-wal")
        with pytest.raises(DatabaseMoved, match="what was just written may be lost"):
            transaction.__exit__(None, None, None)
    with Registry.open(database) as again:
        assert [(session.session_id, session.label) for session in again.sessions.list()] == [("one", "by a sibling")]


@contextmanager
def _last_closer(database: str) -> Iterator[None]:
    """Another process holds the database as SQLite's last closer does before it copies the log."""
    program = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'r+b')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX, 510, 0x40000002)\n"
        "print(flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, database]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate(timeout=60)


def test_a_last_closer_is_seen_although_a_file_opened_before_the_registry_was_closed_and_its_number_is_anothers(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of a descriptor that is not SQLite's says nothing of the database once it was closed."""
    monkeypatch.setattr("pytest_sessionreg.registry.sqlite.write_ahead_log._SIBLING_S", 0.01)  # this one does not end
    Registry.open(database).close()
    early = os.open(database, os.O_RDONLY)
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        registry.sessions.register("two")
        with open(os.devnull, "rb") as other:
            os.dup2(other.fileno(), early)  # which closes what it was
        with _last_closer(database), pytest.raises(DatabaseMoved, match="what was just written may be lost"):
            registry.sessions.register("three")
        os.close(early)


def test_a_process_that_lost_a_log_has_its_first_write_checked_when_it_opens_anew(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that closed a stray descriptor may do so again, in the very first transaction of the next registry."""
    monkeypatch.setattr("pytest_sessionreg.registry.sqlite.write_ahead_log._SIBLING_S", 0.01)  # it does not end
    monkeypatch.setattr("pytest_sessionreg.registry.sqlite.write_ahead_log._lost_one", False)
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        os.unlink(database + "-wal")
        with pytest.raises(DatabaseMoved):
            registry.sessions.register("two")
    with Registry.open(database) as again:
        transaction = again.transaction()
        transaction.__enter__()
        again.sessions.register("three")
        with open(database, "rb"):
            pass
        with _last_closer(database), pytest.raises(DatabaseMoved, match="what was just written may be lost"):
            transaction.__exit__(None, None, None)


def test_what_a_log_deleted_by_hand_held_is_saved_by_closing(database: str) -> None:
    with Registry.open(database) as registry:
        registry.sessions.register("one")
        os.unlink(database + "-wal")
        with pytest.raises(DatabaseMoved, match="nothing was written"):
            registry.sessions.register("two")
    with Registry.open(database) as again:
        assert [session.session_id for session in again.sessions.list()] == ["one"]
