from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

_SETTLE_S = 5.0


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """Every test: no process, thread or descriptor of ours stays."""
    me = psutil.Process()
    before = _descriptors()
    threads = set(threading.enumerate())
    yield
    gc.collect()
    deadline = monotonic() + _SETTLE_S
    while True:
        left = [child.pid for child in me.children(recursive=True) if not _is_resource_tracker(child)]
        new_threads = [thread for thread in threading.enumerate() if thread not in threads]
        if not left and not new_threads:
            break
        assert monotonic() < deadline, f"left behind: processes {left}, threads {new_threads}"
        sleep(0.01)
    opened = {target for target in _descriptors() - before if ".db" in target or "ledger" in target}
    assert not opened, f"descriptors left open: {opened}"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "test.db")


def _descriptors() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except FileNotFoundError:
            continue
    return found


def _is_resource_tracker(process: psutil.Process) -> bool:
    """Multiprocessing's own helper, which stays until its parent ends."""
    try:
        return any("resource_tracker" in word for word in process.cmdline()) or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
