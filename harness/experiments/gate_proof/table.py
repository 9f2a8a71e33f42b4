"""The proof as people read it: a row per case, what it amounts to, and what must not be."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from pytest_sessionreg.gate.judgement import Verdict

from .case_progress import CaseProgress

__all__ = ["finding", "proof_table", "wrong"]

_HOLDS = {True: "yes", False: "NO", None: "open"}
_VERDICTS = {
    Verdict.REGRESSED: "RE-\nGRESSED",
    Verdict.INCONCLUSIVE: "INCON-\nCLUSIVE",
    Verdict.PASS: "\nPASS",
    Verdict.IMPROVED: "IM-\nPROVED",
}


def proof_table(found: Sequence[CaseProgress]) -> Table:
    """A row per case, at most 100 columns wide."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("\ncase", no_wrap=True)
    headings = ("\nruns", *_VERDICTS.values(), "wrong\n(may be)", "median\ns", "longest\ns", "\nholds")
    for heading in headings:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for standing in found:
        table.add_row(
            Text(standing.case.name),
            f"{standing.runs}/{standing.planned_runs}",
            *(str(standing.verdicts.get(verdict.value, 0)) for verdict in _VERDICTS),
            f"{standing.wrong} ({standing.case.tolerated})",
            f"{standing.median_s:.1f}",
            f"{standing.longest_s:.1f}",
            _HOLDS[standing.holds],
            style="red" if standing.holds is False else "",
        )
    return table


def finding(found: Sequence[CaseProgress]) -> str:
    """How often the gate was wrong, either way, and how long it took, in a few sentences."""
    sentences = []
    unchanged = [standing for standing in found if not standing.case.regressed and standing.runs]
    if unchanged:
        each = "; ".join(f"{standing.case.name}: {standing.wrong} of {_runs(standing.runs)}" for standing in unchanged)
        sentences.append(f"REGRESSED was said of unchanged code: {each}.")
    changed = [standing for standing in found if standing.case.regressed and standing.runs]
    if changed:
        each = "; ".join(
            f"{standing.case.name}: {standing.runs - standing.wrong} of {standing.runs}" for standing in changed
        )
        sentences.append(f"It was said of code that got worse: {each}.")
    longest = max((standing for standing in found if standing.runs), key=lambda one: one.longest_s, default=None)
    if longest is not None:
        sentences.append(f"The longest gate run took {longest.longest_s:.1f} s ({longest.case.name}).")
    missing = sum(standing.planned_runs - standing.runs for standing in found)
    if missing:
        planned_runs = sum(standing.planned_runs for standing in found)
        sentences.append(f"{missing} of {planned_runs} runs are missing; start it again, and it goes on.")
    return " ".join(sentences)


def wrong(found: Sequence[CaseProgress]) -> list[str]:
    """The promises that are broken, a line each."""
    return [
        f"{standing.case.name}: {standing.wrong} of {_runs(standing.runs)} ended with the wrong verdict, "
        f"{standing.case.tolerated} may"
        for standing in found
        if standing.holds is False
    ]


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
