"""What a test leaves behind is charged to that test, once; then it is cleared away, so that the next one starts clean.

Looked for are processes, threads, descriptors of databases and ledgers, and temporary files of ours. A process counts
if this one is its ancestor. One whose parent has ended has lost that ancestor: it is known by a variable in its
environment instead. (Were this process made their subreaper, it would have to reap them all, and tests that watch
processes end would find zombies.) Temporary files are those of a directory that only this process and its descendants
use. So runs beside this one, and other workers of pytest-xdist, are never charged.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from time import monotonic, sleep

import psutil
import pytest

__all__ = ["interrupts_arrive", "nothing_is_left_behind", "traceable"]

# What is about to end when a test does, may take so long on a busy machine.
SETTLE_S = 30.0
# What was killed ends at once, unless the kernel is busy with it.
_END_S = 30.0

_MARK = "SESSIONREG_TESTED_BY"
_DESCRIPTORS = "/proc/self/fd"


@dataclass(frozen=True, slots=True)
class _Leftovers:
    """What is there and was not there before."""

    processes: list[psutil.Process]
    threads: list[threading.Thread]
    descriptors: list[str]
    files: list[str]

    def __bool__(self) -> bool:
        return bool(self.processes or self.threads or self.descriptors or self.files)

    def __str__(self) -> str:
        lines = [f"process {process.pid}: {_described(process)}" for process in self.processes]
        lines += [f"thread {thread.name}" for thread in self.threads]
        lines += [f"descriptor {descriptor}" for descriptor in self.descriptors]
        lines += [f"file {path}" for path in self.files]
        return "\n  ".join(["this test left behind:", *lines])


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is there at one moment."""

    pids: frozenset[int]
    threads: frozenset[threading.Thread]
    descriptors: frozenset[str]
    files: frozenset[str]

    @classmethod
    def now(cls) -> _Scene:
        return cls(
            frozenset(psutil.pids()),
            frozenset(threading.enumerate()),
            frozenset(_descriptors()),
            frozenset(os.listdir(tempfile.gettempdir())),
        )

    def untouched(self) -> bool:
        """Whether nothing at all came since: a quick answer, for most tests."""
        return (
            self.threads.issuperset(threading.enumerate())
            and self.descriptors.issuperset(_descriptors())
            and not self._processes()
            and not self._files()
        )

    def left(self) -> _Leftovers:
        """What of ours came since."""
        return _Leftovers(
            processes=self._processes(),
            threads=[thread for thread in threading.enumerate() if thread not in self.threads],
            descriptors=sorted(name for name in _descriptors() - self.descriptors if ".db" in name or "ledger" in name),
            files=self._files(),
        )

    def _processes(self) -> list[psutil.Process]:
        return [process for pid in psutil.pids() if pid not in self.pids and (process := _ours(pid)) is not None]

    def _files(self) -> list[str]:
        directory = tempfile.gettempdir()
        return [
            os.path.join(directory, name)
            for name in os.listdir(directory)
            if name.startswith("sessionreg-") and name not in self.files
        ]


@pytest.fixture(autouse=True, scope="session")
def traceable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """This process has a temporary directory of its own, and its descendants are marked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv(_MARK, f"{os.environ.get(_MARK, '')} {_mark()}".strip())  # a run within a run is of both
        yield


@pytest.fixture(autouse=True, scope="session")
def interrupts_arrive() -> Iterator[None]:
    """Ctrl-C and a hang-up reach what tests start, though a shell starts its background jobs, and nohup its command,
    with them ignored: that is inherited, and a handler is not.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    ignored = [number for number, handler in before.items() if handler is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else lambda _number, _frame: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(traceable: None) -> Iterator[None]:  # noqa: ARG001  it says where to look
    """Every test: no process, thread, descriptor or temporary file of ours stays."""
    before = _Scene.now()
    yield
    if before.untouched():
        return
    gc.collect()  # what nobody can reach any more is closed now
    deadline = monotonic() + SETTLE_S
    while (left := before.left()) and monotonic() < deadline:
        sleep(0.01)
    if left:
        charge = str(left)
        _clear_away(before)
        pytest.fail(charge, pytrace=False)


def _clear_away(before: _Scene) -> None:
    """End the processes and remove the files. Threads and descriptors stay: they are the next test's surroundings."""
    deadline = monotonic() + _END_S
    while processes := before.left().processes:
        assert monotonic() < deadline, f"cannot be killed: {processes}"
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
                if process.ppid() == os.getpid():  # the others are reaped by somebody else
                    process.wait(_END_S)
        sleep(0.01)
    for path in before.left().files:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


@cache
def _mark() -> str:
    return f"{os.getpid()}/{psutil.Process().create_time()}"


def _ours(pid: int) -> psutil.Process | None:
    """The process `pid` if it descends from this one, and is not multiprocessing's helper, which stays."""
    try:
        process = psutil.Process(pid)
        ancestors = [ancestor.pid for ancestor in process.parents()]
        if os.getpid() in ancestors:
            return None if ancestors[0] == os.getpid() and _is_resource_tracker(process) else process
        return process if _mark() in process.environ().get(_MARK, "").split() else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it is gone, or somebody else's
        return None


def _is_resource_tracker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any("resource_tracker" in word for word in process.cmdline())
    return False


def _described(process: psutil.Process) -> str:
    words = ""
    with suppress(psutil.Error):
        words = " ".join(process.cmdline())[:200]
    return words or "it has ended, and nobody has waited for it"


def _descriptors() -> set[str]:
    """Each descriptor of this process with what it is of; none where the system does not list them."""
    found = set()
    for number in os.listdir(_DESCRIPTORS) if os.path.isdir(_DESCRIPTORS) else ():
        with suppress(FileNotFoundError):
            found.add(f"{number} {os.readlink(f'{_DESCRIPTORS}/{number}')}")
    return found
