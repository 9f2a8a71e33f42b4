"""The page of an experiment other than a storm: what was found first, and nothing that the result does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from ..results.envelope import Envelope
from .html_table import html_table
from .page import environment_facts, render

__all__ = ["experiment_page"]


def experiment_page(
    envelope: Envelope,
    *,
    question: str,
    finding: str,
    problems: Sequence[str],
    tables: Sequence[Table],
    pictures: Sequence[str],
    words: Sequence[tuple[str, str]],
) -> str:
    """One HTML file that needs no network.

    question: the heading.
    problems: what must not be, a line each.
    pictures: SVG texts.
    words: the glossary.
    """
    return render(
        "experiment.html.j2",
        kind=envelope.kind,
        question=question,
        verdict=finding,
        tone="broken" if problems else "plain",
        partial=envelope.partial,
        problems=problems,
        tables=[html_table(table) for table in tables],
        pictures=pictures,
        environment=environment_facts(envelope.environment),
        machine_line=envelope.environment.line(),
        policies=[],
        command=envelope.command,
        glossary=words,
    )
