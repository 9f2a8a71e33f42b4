"""How the proof stands after some of its runs: what holds, what does not, and what is still open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_sessionreg.gate.judgement import Verdict

from .cases import CASES, Case
from .run import GateRun

__all__ = ["CaseProgress", "case_progress", "planned_runs"]


@dataclass(frozen=True, slots=True)
class CaseProgress:
    """A case so far.

    planned_runs: runs that were asked for.
    wrong: runs with the wrong verdict.
    median_s, longest_s: of its runs.
    holds: whether no more were wrong than tolerated; None while runs are missing that could still change it.
    """

    case: Case
    runs: int
    planned_runs: int
    verdicts: Mapping[str, int]
    wrong: int
    median_s: float
    longest_s: float
    holds: bool | None


def planned_runs(case: Case, share: float) -> int:
    """How many runs of `case` make `share` of a whole proof; at least one."""
    return math.ceil(case.runs * share)


def case_progress(runs: Sequence[GateRun], *, share: float = 1.0) -> list[CaseProgress]:
    """How each case stands after `runs`; share: of the whole number of runs that the proof is asked for."""
    found = []
    for case in CASES:
        own = [run for run in runs if run.case == case.name]
        verdicts = {verdict.value: sum(run.verdict == verdict.value for run in own) for verdict in Verdict}
        regressed = verdicts[Verdict.REGRESSED.value]
        wrong = len(own) - regressed if case.regressed else regressed
        seconds = sorted(run.seconds for run in own)
        complete = len(own) >= planned_runs(case, share)
        found.append(
            CaseProgress(
                case=case,
                runs=len(own),
                planned_runs=max(len(own), planned_runs(case, share)),
                verdicts={name: count for name, count in verdicts.items() if count},
                wrong=wrong,
                median_s=seconds[len(seconds) // 2] if seconds else 0.0,
                longest_s=seconds[-1] if seconds else 0.0,
                holds=False if wrong > case.tolerated else True if complete else None,
            )
        )
    return found
