"""How the gate's stored verdicts are shown as other results are: a table, and a page."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from pytest_sessionreg.gate.judgement import Judgement, Verdict
from pytest_sessionreg.report.glossary import words_for
from pytest_sessionreg.report.judgements import from_json, to_json, worst_verdict
from pytest_sessionreg.report.table import plain_table

from .experiment_outcome import ExperimentOutcome
from .outcome import Figures

__all__ = ["read_outcome"]

_WORDS = {
    "baseline": "how a project's storms stood when somebody last agreed to it, in ratios to a control beside them",
    Verdict.PASS.value: "no measure got worse than its tolerance allows, and the intervals are narrow enough to say so",
    Verdict.REGRESSED.value: "writes were lost, doubled or failed; or two looks found it worse, and the same measure "
    "beyond its tolerance",
    Verdict.IMPROVED.value: "a measure's whole interval is better by more than its tolerance",
    Verdict.INCONCLUSIVE.value: "nobody can tell: another machine or load than the baseline's, a control that moved, "
    "intervals that are too wide, or worse at one look only",
    Verdict.NO_BASELINE.value: "the baseline has no storm of this name",
}


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    envelope, judgements = from_json(text)
    return ExperimentOutcome(
        envelope=envelope,
        json=to_json(judgements, envelope.command, envelope.environment),
        question="Did the storms get worse than their baseline?",
        tables=[_table(judgements)],
        finding=f"The verdict to act on is {worst_verdict(judgements).value}.",
        figures=[
            Figures(judgement.storm, {f"{change.name} ratio": change.ratio for change in judgement.changes})
            for judgement in judgements
        ],
        words=words_for("round", "95 % interval", more=_WORDS),
        problems=[
            f"{judgement.storm} regressed: {judgement.reason}"
            for judgement in judgements
            if judgement.verdict is Verdict.REGRESSED
        ],
    )


def _table(judgements: Sequence[Judgement]) -> Table:
    table = plain_table(gap=2)
    table.add_column("verdict", no_wrap=True)
    table.add_column("storm", overflow="fold", max_width=36)
    table.add_column("why", overflow="fold", max_width=46)
    for judgement in judgements:
        why = "\n".join([judgement.reason, *(f"likely cause: {cause}" for cause in judgement.causes)])
        table.add_row(judgement.verdict.value, Text(judgement.storm), Text(why))
    return table
