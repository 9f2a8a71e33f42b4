"""How the same experiment at several places is shown and stored."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from pytest_sessionreg.report.figures import DASH
from pytest_sessionreg.report.table import plain_table

from ..experiments.experiment_outcome import ExperimentOutcome
from ..experiments.outcome import Figures
from .result import PlacesResult

__all__ = ["outcome", "read_outcome"]

_WORDS = {
    "place": "where the experiment ran; places of one machine ran one after the other, machines at once",
    "side by side": "machines differ in more than one thing, so no difference between them is called a regression",
}


def outcome(result: PlacesResult, json: str | None = None) -> ExperimentOutcome:
    """`result` as an Outcome; json: its text, if it holds more."""
    return ExperimentOutcome(
        envelope=result.envelope,
        json=json or result.to_json(),
        question=f"The same {result.experiment} at {len(result.places)} places, side by side",
        tables=[*([_figures_table(result)] if _subjects(result) else []), _places_table(result)],
        finding=_finding(result),
        figures=[
            Figures(f"{place.name}, {figures.subject}", figures.values)
            for place in result.places
            for figures in place.figures
        ],
        words=list(_WORDS.items()),
        faults=_faults(result),
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(PlacesResult.from_json(text))


def _subjects(result: PlacesResult) -> list[str]:
    return list(dict.fromkeys(figures.subject for place in result.places for figures in place.figures))


def _figures_table(result: PlacesResult) -> Table:
    """A section per subject, a row per place, at most 100 columns wide."""
    headings = list(
        dict.fromkeys(heading for place in result.places for figures in place.figures for heading in figures.values)
    )
    table = plain_table()
    table.add_column("", overflow="ellipsis", no_wrap=True, max_width=36)
    table.add_column("place", overflow="ellipsis", no_wrap=True, max_width=16)
    for heading in headings:
        table.add_column(Text(heading.replace(" ", "\n")), justify="right", no_wrap=True)
    table.caption = Text("shown side by side: what differs between machines is not judged")
    for subject in _subjects(result):
        first = True
        for place in result.places:
            for figures in place.figures:
                if figures.subject == subject:
                    if first and table.rows:
                        table.add_section()
                    values = (_number(figures.values.get(heading)) for heading in headings)
                    name = f"{place.name}{'' if place.partial is None else '*'}"
                    table.add_row(Text(subject if first else ""), Text(name), *values)
                    first = False
    return table


def _places_table(result: PlacesResult) -> Table:
    """Who was where, and how it went."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(overflow="ellipsis", no_wrap=True, max_width=16)
    table.add_column(overflow="fold")
    for place in result.places:
        table.add_row(Text(place.name, style="bold"), Text(place.spec, style="dim"))
        if place.machine is not None:
            table.add_row("", Text(place.machine))
        if place.error is not None:
            table.add_row("", Text(f"no result: {place.error}", style="bold red"))
        if place.partial is not None:
            table.add_row("", Text(f"* partial: {place.partial}", style="yellow"))
        for line in place.wrong:
            table.add_row("", Text(line, style="red"))
        if place.finding is not None:
            table.add_row("", Text(place.finding))
    return table


def _finding(result: PlacesResult) -> str:
    answered = [place for place in result.places if place.error is None]
    count = f"{len(answered)} of {len(result.places)} places gave a result of {result.experiment}"
    partial = [place.name for place in answered if place.partial is not None]
    return f"{count}{f'; partial: {chr(44).join(partial)}' if partial else ''}. They are set side by side, not judged."


def _faults(result: PlacesResult) -> list[str]:
    lines = [f"{place.name}: {place.error}" for place in result.places if place.error is not None]
    return lines + [f"{place.name}: {line}" for place in result.places for line in place.wrong]


def _number(value: float | None) -> str:
    """Four digits of what was measured, all of what was counted."""
    if value is None:
        return DASH
    return f"{value}" if isinstance(value, int) or value == int(value) else f"{value:.4g}"
