from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_sessionreg import Registry

_PROGRAM = """
import gc, os, sys
from pytest_sessionreg import Registry
path, end = sys.argv[1:]
registry = Registry.open(path)
registry.sessions.register("parent")
child = os.fork()
if not child:
    def open_files():
        names = (os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd"))
        return [name for name in names if name.startswith(path)]
    before = open_files()
    del registry
    gc.collect()
    # the database, its log and its index stay open; the queue's sidecar was closed at the fork
    if sorted(before) != sorted(open_files()) or len(before) != 3:
        os._exit(3)
    if end == "exit":
        sys.exit(0)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert os.path.exists(path + "-wal")
registry.sessions.register("after")
registry.close()
"""


@pytest.mark.parametrize("end", ["exit", "_exit"])
def test_a_child_that_drops_an_open_registry_and_ends_closes_nothing(database: str, end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _PROGRAM, database, end],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with Registry.open(database) as registry:
        assert {session.session_id for session in registry.sessions.list()} == {"parent", "after"}
