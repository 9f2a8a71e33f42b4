"""How a proof is shown and stored."""

from __future__ import annotations

from collections.abc import Mapping

from ..experiment_outcome import ExperimentOutcome
from ..outcome import Figures
from .result import ProofResult
from .table import finding, proof_table, wrong

__all__ = ["outcome", "read_outcome"]

_WORDS = {
    "gate run": "one judgement of a storm against its baseline; the storm is run a second time before it is REGRESSED",
    "REGRESSED": "a ratio's whole interval lies beyond what is tolerated, twice",
    "INCONCLUSIVE": "the gate could not tell: the interval is too wide, or the control moved; never a failure",
    "wrong": "of unchanged code: REGRESSED; of code that got worse: anything else",
}


def outcome(result: ProofResult) -> ExperimentOutcome:
    """`result` as an Outcome."""
    found = result.cases
    return ExperimentOutcome(
        envelope=result.envelope,
        json=result.to_json(),
        question="How often does the gate fail unchanged code, and miss code that got worse?",
        tables=[proof_table(found)],
        finding=finding(found),
        figures=[
            Figures(
                standing.case.name,
                {
                    "runs": standing.runs,
                    "wrong": standing.wrong,
                    "median s": standing.median_s if standing.runs else None,
                },
            )
            for standing in found
        ],
        words=list(_WORDS.items()),
        problems=wrong(found),
        pictures=lambda: _pictures(result),
    )


def read_outcome(text: str) -> ExperimentOutcome:
    """A stored result as an Outcome. Raises ResultError."""
    return outcome(ProofResult.from_json(text))


def _pictures(result: ProofResult) -> Mapping[str, bytes]:
    from .picture import proof_pictures  # only now: matplotlib is loaded for nothing else here

    return proof_pictures(result.runs, result.cases)
