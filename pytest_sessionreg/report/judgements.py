"""The gate's verdicts as text: lines for a terminal, Markdown for a review, JSON for programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..gate.judgement import Change, Judgement, Verdict
from ..gate.measurement import Measurement
from ..results.envelope import Envelope
from ..results.environment import Environment
from .whole_files import write_files

__all__ = [
    "KIND",
    "SCHEMA",
    "append_summary",
    "failure_message",
    "from_json",
    "lines",
    "markdown",
    "properties",
    "to_json",
    "worst_verdict",
    "write_verdicts",
]

KIND = "storm-gate"
SCHEMA = 1
_ORDER = (Verdict.REGRESSED, Verdict.INCONCLUSIVE, Verdict.NO_BASELINE, Verdict.IMPROVED, Verdict.PASS)


def worst_verdict(judgements: Sequence[Judgement]) -> Verdict:
    """The verdict to act on: the first that any of `judgements` has of REGRESSED, INCONCLUSIVE, NO_BASELINE, IMPROVED,
    PASS.
    """
    found = {judgement.verdict for judgement in judgements}
    return next((verdict for verdict in _ORDER if verdict in found), Verdict.PASS)


def lines(judgement: Judgement) -> list[str]:
    """The verdict, the storm and the reason; then each cause on a line of its own."""
    return [
        f"{judgement.verdict.value} {judgement.storm}: {judgement.reason}",
        *(f"  likely cause: {cause}" for cause in judgement.causes),
    ]


def failure_message(judgement: Judgement) -> str:
    """What a test that regressed says."""
    causes = "".join(f"\n  {number}. {cause}" for number, cause in enumerate(judgement.causes, 1))
    listed = f"\nthe likeliest causes:{causes}" if causes else ""
    return f"{judgement.storm} regressed: {judgement.reason}{listed}"


def markdown(judgements: Sequence[Judgement]) -> str:
    """A table, the verdicts to act on first."""
    ordered = sorted(judgements, key=lambda judgement: (_ORDER.index(judgement.verdict), judgement.storm))
    rows = "".join(
        f"| {judgement.verdict.value} | {_cell(judgement.storm)} | "
        f"{_cell('; likely cause: '.join([judgement.reason, *judgement.causes]))} |\n"
        for judgement in ordered
    )
    return f"### Storm gate: {worst_verdict(judgements).value}\n\n| verdict | storm | why |\n|---|---|---|\n{rows}"


def properties(judgement: Judgement) -> list[tuple[str, str | float]]:
    """Scalars by name, for formats that have nothing else, e.g. JUnit."""
    found: list[tuple[str, str | float]] = [("verdict", judgement.verdict.value), ("reason", judgement.reason)]
    for change in judgement.changes:
        found += [
            (f"{change.name}_ratio", round(change.ratio, 4)),
            (f"{change.name}_low", round(change.low, 4)),
            (f"{change.name}_high", round(change.high, 4)),
        ]
    return found


def to_json(judgements: Sequence[Judgement], command: str, environment: Environment) -> str:
    """All of them, with the verdict to act on, what repeats the run, and where it was made."""
    found = {
        "verdict": worst_verdict(judgements).value,
        "judgements": [_document(judgement) for judgement in judgements],
    }
    return Envelope(KIND, SCHEMA, command, environment).seal(found)


def from_json(text: str) -> tuple[Envelope, tuple[Judgement, ...]]:
    """What `to_json` wrote. Raises ResultError for anything else."""

    def make(envelope: Envelope, found: dict[str, Any]) -> tuple[Envelope, tuple[Judgement, ...]]:
        return envelope, tuple(map(_judgement, found["judgements"]))

    return Envelope.read(text, make, kind=KIND, schema=SCHEMA)


def write_verdicts(judgements: Sequence[Judgement], directory: str, command: str, environment: Environment) -> None:
    """Write `gate.json` and `gate.md` into `directory`, which is created. Raises OSError where that cannot be."""
    contents = {"gate.json": to_json(judgements, command, environment), "gate.md": markdown(judgements)}
    write_files({name: text.encode() for name, text in contents.items()}, Path(directory))


def append_summary(judgements: Sequence[Judgement]) -> None:
    """Append the table to the file that $GITHUB_STEP_SUMMARY names, if that is set: GitHub shows it with the job.

    Raises OSError where that cannot be.
    """
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{markdown(judgements)}\n")


def _document(judgement: Judgement) -> dict[str, Any]:
    found = asdict(judgement)
    found["verdict"] = judgement.verdict.value
    return found


def _judgement(document: dict[str, Any]) -> Judgement:
    measurement = document["measurement"]
    return Judgement(
        **{
            **document,
            "verdict": Verdict(document["verdict"]),
            "changes": tuple(Change(**change) for change in document["changes"]),
            "causes": tuple(document["causes"]),
            "measurement": None if measurement is None else Measurement.from_document(measurement),
        }
    )


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
