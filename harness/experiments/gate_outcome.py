"""How the gate's stored verdicts are shown as other results are: a table, and a page."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from pytest_sessionreg.gate.judgement import Judgement, Verdict
from pytest_sessionreg.report.glossary import words_for
from pytest_sessionreg.report.judgements import from_json, to_json, worst
from pytest_sessionreg.report.table import plain_table

from .experiment_outcome import ExperimentOutcome
from .outcome import Figures

__all__ = ["read_outcome"]

_WORDS = {
    "baseline": "how a project's storms stood when somebody last agreed to it, in ratios to a control beside them",
    Verdict.PASS.value: "no measure got worse than its tolerance allows",
    Verdict.REGRESSED.value: "a measure's whole interval is beyond its tolerance, in two looks",
    Verdict.IMPROVED.value: "the same, the other way",
    Verdict.INCONCLUSIVE.value: "the intervals are too wide to tell",
    Verdict.NO_BASELINE.value: "nothing of this load and this class of machine is there to compare with",
}


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    envelope, judgements = from_json(text)
    return ExperimentOutcome(
        envelope=envelope,
        json=to_json(judgements, envelope.command, envelope.environment),
        question="Did the storms get worse than their baseline?",
        tables=[_table(judgements)],
        finding=f"The verdict to act on is {worst(judgements).value}.",
        figures=[
            Figures(judgement.storm, {f"{change.name} ratio": change.ratio for change in judgement.changes})
            for judgement in judgements
        ],
        words=words_for("round", "95 % interval", more=_WORDS),
        faults=[
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
