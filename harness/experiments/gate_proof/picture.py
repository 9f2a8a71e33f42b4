"""The proof as a picture: every run, how much worse it found the storm, and what it said."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_sessionreg.gate.measurement import MEASURES
from pytest_sessionreg.report.plots.canvas import png, svg
from pytest_sessionreg.report.plots.verdicts import Strip, verdict_strips

from .case_progress import CaseProgress
from .cases import CASES
from .run import GateRun

__all__ = ["proof_pictures"]


def proof_pictures(runs: Sequence[GateRun], found: Sequence[CaseProgress]) -> dict[str, bytes]:
    """`gate-proof.png` and `gate-proof.svg`, by file name; none where no run compared anything."""
    strips = []
    for case in CASES:
        own = [run for run in runs if run.case == case.name and run.ratios]
        strips.append(Strip(case.name, [_excess(run) for run in own], [run.verdict for run in own]))
    if not any(strip.excess for strip in strips):
        return {}
    figure = verdict_strips(
        strips,
        finding=_finding(found),
        beneath="a mark per gate run; REGRESSED takes an interval that lies beyond the limit as a whole, twice",
    )
    return {"gate-proof.png": png(figure), "gate-proof.svg": svg(figure).encode()}


def _excess(run: GateRun) -> float:
    """The worst ratio over its limit, of the measures that moved; "all writes done, as ever" would hide them."""
    limits = {measure.name: 1 + measure.tolerance for measure in MEASURES}
    moved = {name: ratio for name, ratio in run.ratios.items() if ratio != 1} or run.ratios
    return max(ratio / limits.get(name, 1.0) for name, ratio in moved.items())


def _finding(found: Sequence[CaseProgress]) -> str:
    unchanged = [standing for standing in found if not standing.case.regressed]
    changed = [standing for standing in found if standing.case.regressed]
    return (
        f"REGRESSED in {sum(one.wrong for one in unchanged)} of {sum(one.runs for one in unchanged)} gate runs of "
        f"unchanged code, and in {sum(one.runs - one.wrong for one in changed)} of {sum(one.runs for one in changed)} "
        "of code that got worse"
    )
