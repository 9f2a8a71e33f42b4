from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

import psutil
import pytest

_READY_S = 60.0


class Interrupt(Protocol):
    """words: of the command. after_s: from when it works. number: the signal."""

    def __call__(
        self, words: list[str], after_s: float, number: signal.Signals = signal.SIGINT, /
    ) -> tuple[int, str, str]: ...


@pytest.fixture
def interrupt(tmp_path: Path) -> Interrupt:
    """Runs a command, presses Ctrl-C some seconds after its workers are there, and sees that nothing of it is left.

    Other signals may be sent instead.
    """

    def run(words: list[str], after_s: float, number: signal.Signals = signal.SIGINT, /) -> tuple[int, str, str]:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        mounts = Path("/proc/self/mounts").read_text()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest_sessionreg", *words],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = monotonic() + _READY_S
        while not list(scratch.iterdir()):
            assert process.poll() is None, process.communicate()
            assert monotonic() < deadline
            sleep(0.01)
        sleep(after_s)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        output, errors = process.communicate(timeout=_READY_S)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive
        assert list(scratch.iterdir()) == []
        assert Path("/proc/self/mounts").read_text() == mounts
        return process.returncode, output, errors

    return run
