from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import Protocol

import psutil
import pytest

from pytest_sessionreg._harness.main import main

from ..waiting import wait_until
from .command import Done, Sessionreg


@pytest.fixture
def sessionreg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sessionreg:
    """Runs commands in this process and in `tmp_path`. What would be a traceback fails the test."""

    def run(*words: str, **environment: str) -> Done:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["sessionreg", *words])
            for name, value in {"NO_COLOR": "1", **environment}.items():
                patch.setenv(name, value)
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, printed.out, printed.err)

    return run


class Interrupt(Protocol):
    """words: of the command. steps: so many storms or episodes are begun before. number: the signal."""

    def __call__(self, words: list[str], steps: int, number: signal.Signals, /) -> Done: ...


@pytest.fixture
def interrupt(tmp_path: Path) -> Interrupt:
    """Runs a command, sends it a signal at a random moment of a certain step, and sees that nothing of it is left."""

    def run(words: list[str], steps: int, number: signal.Signals, /) -> Done:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        mounts = Path("/proc/self/mounts").read_text()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest_sessionreg", *words],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        seen: set[str] = set()

        def begun() -> bool:
            # only ours: tempfile tries the directory with a file of another name
            seen.update(path.name for path in scratch.glob("sessionreg-*"))
            return len(seen) >= steps

        try:
            wait_until(begun, process)
            sleep(random.uniform(0, 0.3))
            family = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
            process.communicate()
        _, alive = psutil.wait_procs(family, timeout=60)
        assert not alive
        assert list(scratch.iterdir()) == []
        assert Path("/proc/self/mounts").read_text() == mounts
        return Done(process.returncode, output, errors)

    return run
