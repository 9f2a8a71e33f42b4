"""The write-ahead log under an endless storm, beside a reader that comes and goes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from time import sleep

from pytest_sessionreg import Registry, WriteQueue
from pytest_sessionreg.plugin import Workers
from pytest_sessionreg.registry.sqlite.connection import LOG_LIMIT_BYTES


def test_the_log_stays_bounded_beside_a_reader_and_shrinks_once_idle(
    database: str, tmp_path: Path, workers: Workers
) -> None:
    progress = tmp_path / "progress"
    progress.touch()

    def write(path: str) -> int:
        with Registry.open(path, policy=WriteQueue(patience=120)) as registry, progress.open("ab", buffering=0) as done:
            for _ in range(150):
                with registry.transaction() as own:
                    own.execute("UPDATE ballast SET bytes = randomblob(50000)")
                done.write(b".")
        return 150

    with Registry.open(database) as registry:
        with registry.transaction() as own:
            own.execute("CREATE TABLE ballast (bytes BLOB)")
            own.execute("INSERT INTO ballast VALUES (zeroblob(50000))")
        largest, busy = 0, []
        over = Event()

        def wait_for_writes(count: int) -> None:
            until = progress.stat().st_size + count
            while progress.stat().st_size < until and not over.is_set():
                sleep(0.001)

        def read() -> None:
            nonlocal largest
            while not over.is_set():
                with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as reader:
                    try:
                        reader.execute("BEGIN")
                        reader.execute("SELECT length(bytes) FROM ballast").fetchall()
                    except sqlite3.OperationalError as error:
                        busy.append(error)
                    wait_for_writes(10)
                largest = max(largest, os.stat(database + "-wal").st_size)
                wait_for_writes(10)

        reader = Thread(target=read)
        reader.start()
        try:
            # 600 writes of 13 pages are 32 MB of log, were it never started anew
            assert workers.run(write, 4, database, timeout=300) == [150] * 4
        finally:
            over.set()
            reader.join()
        assert busy == []
        assert 0 < largest < 3 * LOG_LIMIT_BYTES
        for _ in range(3):
            registry.sessions.register("idle")
        assert Path(database + "-wal").stat().st_size <= LOG_LIMIT_BYTES
    assert not os.path.exists(database + "-wal")
