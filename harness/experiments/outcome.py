"""What every experiment gives to its command: a result that can be shown and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console

from pytest_sessionreg.report.renderers import Written
from pytest_sessionreg.results.envelope import Envelope

__all__ = ["Figures", "Outcome"]


@dataclass(frozen=True, slots=True)
class Figures:
    """The main figures of one subject (a policy, a fault under a policy, ...), by heading, to be set beside those of
    other hosts. None stands for one that cannot be had.
    """

    subject: str
    values: Mapping[str, float | None]


class Outcome(Protocol):
    """A result of any kind, as a command shows and stores it."""

    @property
    def envelope(self) -> Envelope:
        """What it says about itself."""

    @property
    def json(self) -> str:
        """The whole result."""

    @property
    def finding(self) -> str:
        """What was found, in a sentence or two."""

    @property
    def figures(self) -> Sequence[Figures]:
        """What is set beside other hosts' results, in the order of its tables."""

    @property
    def complaints(self) -> Sequence[str]:
        """What is to be said on standard error of things that must not be."""

    @property
    def wrong(self) -> bool:
        """Whether something was found that must not be, so that the exit code is 1."""

    def show(self, console: Console) -> None:
        """Print the tables, the finding and the machine."""

    def write(self, directory: Path, *, plots: bool, json: bool) -> Written:
        """Write all files into `directory`, the result itself only if `json`; what was written. Raises OSError."""
