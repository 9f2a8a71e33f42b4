"""Where the commands print: a terminal as wide as it is, or plain text of 100 columns."""

from __future__ import annotations

import shlex
import sys

from rich.console import Console

from pytest_sessionreg.report.table import PLAIN_WIDTH

__all__ = ["command_line", "output"]


def output() -> Console:
    """Standard output."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def command_line() -> str:
    """The command under way, as it can be typed again."""
    return shlex.join(["sessionreg", *sys.argv[1:]])
