"""Running `sessionreg`: in this process, which is quick, and as a user does, in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["Done", "Sessionreg", "sessionreg_process"]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


class Sessionreg(Protocol):
    """Runs the command of these words in the test's directory, with these variables in its environment."""

    def __call__(self, *words: str, **environment: str) -> Done: ...


def sessionreg_process(*words: str, cwd: Path, **environment: str) -> Done:
    """The command of these words in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest_sessionreg", *words],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
