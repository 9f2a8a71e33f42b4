from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from hypothesis import settings

from tests.inner_runs import inner_runs_inherit_nothing, pytest_pyfunc_call, pytester
from tests.whole_suite import pytest_cmdline_main

__all__ = ["database", "inner_runs_inherit_nothing", "pytest_cmdline_main", "pytest_pyfunc_call", "pytester"]

_SETTLE_S = 5.0

# As everywhere, no time is asserted: how long an example takes says how busy the machine is.
settings.register_profile("untimed", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("untimed")

# A run in the background of a script is started with SIGINT ignored, and what it starts would inherit that: no Ctrl-C
# that a test presses would arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def _searched_so_far() -> None:
    """What is there before a module's tests is none of their garbage: not to be searched again after each of them."""
    gc.collect()
    gc.freeze()


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
        left = [child.pid for child in _family(me) if not _is_resource_tracker(child)]
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


def _family(process: psutil.Process) -> list[psutil.Process]:
    """Its descendants. psutil looks at every process of the machine; the kernel knows at once when there are none."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    return process.children(recursive=True)


def _is_resource_tracker(process: psutil.Process) -> bool:
    """Multiprocessing's own helper, which stays until its parent ends."""
    try:
        return any("resource_tracker" in word for word in process.cmdline()) or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
