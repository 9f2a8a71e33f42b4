"""apsw: one INSERT per write; a plain connection, and one with its best practice applied."""

import random
import time
from functools import partial

import apsw
import apsw.bestpractice
from measuring import PAYLOAD, Store


def plain(path):
    return apsw.Connection(path)


def recommended(path):
    """Opening writes (PRAGMA optimize), which 100 ms are short for when 32 open at once: not what is measured here."""
    while True:
        try:
            return opened(path)
        except apsw.BusyError:
            time.sleep(random.uniform(0, 0.1))


def opened(path):
    connection = apsw.Connection(path)
    for practice in apsw.bestpractice.recommended:
        if practice.__name__.startswith("connection_"):
            practice(connection)
    return connection


def prepare(path, connect):
    connection = connect(path)
    connection.execute("CREATE TABLE notes (worker, sequence, text)")
    connection.close()


def write(store, worker, sequence):
    store.execute("INSERT INTO notes VALUES (?, ?, ?)", (worker, sequence, PAYLOAD))


def acknowledged(path):
    connection = plain(path)
    connection.set_busy_timeout(5000)
    rows = connection.execute("SELECT worker, sequence FROM notes").fetchall()
    connection.close()
    return rows


def test_apsw(peer):
    peer(
        Store(
            "apsw",
            "Connection",
            "rollback journal, synchronous=FULL, one INSERT in autocommit, no busy timeout",
            write,
            plain,
            acknowledged,
            prepare=partial(prepare, connect=plain),
        ),
        Store(
            "apsw",
            "Connection, bestpractice.recommended",
            "WAL, synchronous=FULL, one INSERT in autocommit, busy timeout of 100 ms",
            write,
            recommended,
            acknowledged,
            prepare=partial(prepare, connect=recommended),
        ),
    )
