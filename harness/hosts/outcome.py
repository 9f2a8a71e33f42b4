"""How the same experiment at several hosts is shown and stored."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from pytest_sessionreg.report.figures import DASH
from pytest_sessionreg.report.table import plain_table

from ..experiments.experiment_outcome import ExperimentOutcome
from ..experiments.outcome import Figures
from .result import HostsResult

__all__ = ["outcome", "read_outcome"]

_WORDS = {
    "host": "where the experiment ran; hosts of one machine ran one after the other, machines at once",
    "side by side": "machines differ in more than one thing, so no difference between them is called a regression",
}


def outcome(result: HostsResult, json: str | None = None) -> ExperimentOutcome:
    """`result` as an Outcome; json: its text, if it holds more."""
    return ExperimentOutcome(
        envelope=result.envelope,
        json=json or result.to_json(),
        question=f"The same {result.experiment} at {len(result.hosts)} hosts, side by side",
        tables=[*([_figures_table(result)] if _subjects(result) else []), _hosts_table(result)],
        finding=_finding(result),
        figures=[
            Figures(f"{host.name}, {figures.subject}", figures.values)
            for host in result.hosts
            for figures in host.figures
        ],
        words=list(_WORDS.items()),
        problems=_problems(result),
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(HostsResult.from_json(text))


def _subjects(result: HostsResult) -> list[str]:
    return list(dict.fromkeys(figures.subject for host in result.hosts for figures in host.figures))


def _figures_table(result: HostsResult) -> Table:
    """A section per subject, a row per host, at most 100 columns wide."""
    headings = list(
        dict.fromkeys(heading for host in result.hosts for figures in host.figures for heading in figures.values)
    )
    table = plain_table()
    table.add_column("", overflow="ellipsis", no_wrap=True, max_width=36)
    table.add_column("host", overflow="ellipsis", no_wrap=True, max_width=16)
    for heading in headings:
        table.add_column(Text(heading.replace(" ", "\n")), justify="right", no_wrap=True)
    table.caption = Text("shown side by side: what differs between machines is not judged")
    for subject in _subjects(result):
        first = True
        for host in result.hosts:
            for figures in host.figures:
                if figures.subject == subject:
                    if first and table.rows:
                        table.add_section()
                    values = (_number(figures.values.get(heading)) for heading in headings)
                    name = f"{host.name}{'' if host.partial is None else '*'}"
                    table.add_row(Text(subject if first else ""), Text(name), *values)
                    first = False
    return table


def _hosts_table(result: HostsResult) -> Table:
    """Who was where, and how it went."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(overflow="ellipsis", no_wrap=True, max_width=16)
    table.add_column(overflow="fold")
    for host in result.hosts:
        table.add_row(Text(host.name, style="bold"), Text(host.spec, style="dim"))
        if host.machine is not None:
            table.add_row("", Text(host.machine))
        if host.error is not None:
            table.add_row("", Text(f"no result: {host.error}", style="bold red"))
        if host.partial is not None:
            table.add_row("", Text(f"* partial: {host.partial}", style="yellow"))
        for line in host.wrong:
            table.add_row("", Text(line, style="red"))
        if host.finding is not None:
            table.add_row("", Text(host.finding))
    return table


def _finding(result: HostsResult) -> str:
    answered = [host for host in result.hosts if host.error is None]
    count = f"{len(answered)} of {len(result.hosts)} hosts gave a result of {result.experiment}"
    partial = [host.name for host in answered if host.partial is not None]
    return f"{count}{f'; partial: {chr(44).join(partial)}' if partial else ''}. They are set side by side, not judged."


def _problems(result: HostsResult) -> list[str]:
    lines = [f"{host.name}: {host.error}" for host in result.hosts if host.error is not None]
    return lines + [f"{host.name}: {line}" for host in result.hosts for line in host.wrong]


def _number(value: float | None) -> str:
    """Four digits of what was measured, all of what was counted."""
    if value is None:
        return DASH
    return f"{value}" if isinstance(value, int) or value == int(value) else f"{value:.4g}"
