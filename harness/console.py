"""Where the commands print: a terminal as wide as it is, or plain text of 100 columns."""

from __future__ import annotations

import sys

from rich.console import Console

__all__ = ["PLAIN_WIDTH", "output"]

PLAIN_WIDTH = 100


def output() -> Console:
    """Standard output."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
