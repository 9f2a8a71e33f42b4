from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from pytest_sessionreg import Registry
from pytest_sessionreg.registry.sqlite.admission.queue.lock_holder import sqlite_holder

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="the kernel's lock table is Linux's")


def test_nobody_holds_an_idle_registry(session_registry: Registry) -> None:
    session_registry.sessions.register("one")
    assert sqlite_holder(session_registry.path) is None


def test_no_registry_has_no_holder(database: str) -> None:
    assert sqlite_holder(database) is None


@pytest.mark.parametrize("stopped", [False, True])
def test_a_holder_that_does_not_queue_is_named_too(session_registry: Registry, *, stopped: bool) -> None:
    program = (
        "import sqlite3, sys\n"
        f"connection = sqlite3.connect({session_registry.path!r}, isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE'); print('held', flush=True); input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        if stopped:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        holder = sqlite_holder(session_registry.path)
        assert holder is not None
        assert (holder.pid, holder.state) == (process.pid, "stopped" if stopped else "alive")
        assert "import sqlite3" in holder.command
        assert "\n" not in holder.command
    finally:
        process.kill()
        process.communicate()


def test_a_reader_is_no_holder(session_registry: Registry) -> None:
    reader = sqlite3.connect(session_registry.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sessions").fetchone()
    assert sqlite_holder(session_registry.path) is None
    reader.close()
