"""The standard library's sqlite3, and the three remedies that most projects invent: the yardsticks of this table."""

import fcntl
import os
import random
import sqlite3
import time
from contextlib import closing
from functools import partial

from measuring import PAYLOAD, Store

INSERT = "INSERT INTO notes VALUES (?, ?, ?)"


class Plain:
    def __init__(self, path, *, wal=False, timeout=5.0):
        self.path = path
        self.connection = sqlite3.connect(path, timeout=timeout)
        if wal:
            self.connection.execute("PRAGMA synchronous=NORMAL")

    def write(self, worker, sequence):
        with self.connection:
            self.connection.execute(INSERT, (worker, sequence, PAYLOAD))

    def close(self):
        self.connection.close()


class Budget(Plain):
    """One attempt and at most 15 retries, each after 20 to 150 ms."""

    def write(self, worker, sequence):
        for _ in range(15):
            try:
                return super().write(worker, sequence)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(random.uniform(0.02, 0.15))
        return super().write(worker, sequence)


class Flock(Plain):
    """One lock file around each write."""

    def __init__(self, path, **options):
        super().__init__(path, **options)
        self.lock = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)

    def write(self, worker, sequence):
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            super().write(worker, sequence)
        finally:
            fcntl.flock(self.lock, fcntl.LOCK_UN)


def prepare(path, *, wal):
    with closing(sqlite3.connect(path)) as connection:
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (worker, sequence, text)")


def write(store, worker, sequence):
    store.write(worker, sequence)


def acknowledged(path):
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        return connection.execute("SELECT worker, sequence FROM notes").fetchall()


def in_wal(name, does, connect):
    does = f"WAL, synchronous=NORMAL, {does}"
    return Store("", name, does, write, connect, acknowledged, prepare=partial(prepare, wal=True))


def test_sqlite3(peer):
    default = "rollback journal, synchronous=FULL, sqlite3's busy timeout of 5 s"
    peer(
        Store("", "sqlite3", default, write, Plain, acknowledged, prepare=partial(prepare, wal=False)),
        in_wal("sqlite3, WAL, timeout 5 s", "sqlite3's busy timeout of 5 s", partial(Plain, wal=True)),
        in_wal(
            "sqlite3, WAL, 15 retries",
            "no timeout, 15 retries after 20 to 150 ms",
            partial(Budget, wal=True, timeout=0),
        ),
        in_wal("sqlite3, WAL, one flock", "one flock around each write, without a deadline", partial(Flock, wal=True)),
    )
