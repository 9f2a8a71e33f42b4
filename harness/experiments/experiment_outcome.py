"""How the result of an experiment other than a storm is shown and stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pytest_sessionreg.report.renderers import Renderers, Written
from pytest_sessionreg.report.table import PLAIN_WIDTH
from pytest_sessionreg.report.whole_files import write_files
from pytest_sessionreg.results.envelope import Envelope

from .outcome import Figures

__all__ = ["ExperimentOutcome"]


@dataclass(frozen=True, slots=True)
class ExperimentOutcome:
    """json: the whole result.
    tables: for people.
    finding: what was found, in a sentence or two.
    question: the heading of the page.
    problems: what was found that must not be, a line each; any means exit code 1.
    words: what the page explains, each with its meaning.
    pictures: NAME.png and NAME.svg with their contents, made only when stored; None where the experiment has none.
    """

    envelope: Envelope
    json: str
    question: str
    tables: Sequence[Table]
    finding: str
    figures: Sequence[Figures]
    words: Sequence[tuple[str, str]]
    problems: Sequence[str] = ()
    pictures: Callable[[], Mapping[str, bytes]] | None = None

    @property
    def wrong(self) -> bool:
        """Whether something was found that must not be."""
        return bool(self.problems)

    @property
    def complaints(self) -> Sequence[str]:
        """Each problem as the line that the command prints on standard error."""
        return [f"sessionreg: {problem}" for problem in self.problems]

    def show(self, console: Console) -> None:
        """Print the tables, the finding and the machine."""
        if self.envelope.partial is not None:
            console.print(f"{_partial_in_words(self.envelope.partial)}.", markup=False, style="bold yellow")
        for table in self.tables:
            console.print(table)
        console.print(self.finding, markup=False)
        console.print(self.envelope.environment.line(), markup=False, style="dim")

    def write(self, directory: Path, *, plots: bool, json: bool) -> Written:
        """Write NAME.md, NAME.html and the pictures, and NAME.json if `json`; NAME is the experiment's. Where the extra
        `report` is not installed, the page and the pictures are left out, and those of an earlier result removed.
        """
        name = self.envelope.kind
        renderers = Renderers.installed(pictures=plots and self.pictures is not None)
        pictures = self.pictures() if renderers.pictures and self.pictures is not None else {}
        contents = {f"{name}.json": self.json.encode()} if json else {}
        contents[f"{name}.md"] = self._markdown().encode()
        if renderers.page:
            contents[f"{name}.html"] = self._page(pictures).encode()
        contents |= pictures
        write_files(contents, directory)
        if renderers.note is not None:
            for stale in {f"{name}.html", f"{name}.png", f"{name}.svg"} - set(contents):
                (directory / stale).unlink(missing_ok=True)
        return Written(tuple(directory / file for file in contents), renderers.note)

    def _page(self, pictures: Mapping[str, bytes]) -> str:
        from pytest_sessionreg.report.experiment_page import experiment_page

        return experiment_page(
            self.envelope,
            question=self.question,
            finding=self.finding,
            problems=self.problems,
            tables=self.tables,
            pictures=[content.decode() for file, content in pictures.items() if file.endswith(".svg")],
            words=self.words,
        )

    def _markdown(self) -> str:
        """The finding and the tables as a README shows them."""
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            console = Console(width=PLAIN_WIDTH, record=True, file=nowhere, highlight=False, no_color=True)
            for table in self.tables:
                console.print(table)
            text = "\n".join(line.rstrip() for line in console.export_text().splitlines())
        envelope = self.envelope
        partial = "" if envelope.partial is None else f"{_partial_in_words(envelope.partial)}.\n\n"
        return (
            f"# {envelope.kind}\n\n{self.finding}\n\n{partial}    {envelope.command}\n\n"
            f"{envelope.environment.line()}\n\n```text\n{text}\n```\n"
        )


def _partial_in_words(reason: str) -> str:
    return f"Partial result ({reason}): this is what was done until then"
