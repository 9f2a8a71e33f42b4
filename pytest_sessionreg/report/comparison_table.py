"""The terminal's table of two results side by side, and the sentence for each policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from ..results.comparison import MEASURES, Comparison, PolicyComparison
from ..results.ratios import FEWEST_ROUNDS
from ..results.summary import PolicySummary
from .figures import DASH, interval, milliseconds, percent, times
from .table import plain_table

__all__ = ["comparison_lines", "comparison_table", "reason_not_judged"]

# Speed is not all where one side gives up so much larger a share of its writes.
_MUCH = 0.001
_STYLES = {"faster": "green", "slower": "red"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A figure of both sides; measure: its index among MEASURES, None where no ratio is made of it."""

    name: str
    text: Callable[[PolicySummary], str]
    measure: int | None


_ROWS = (
    _Row("p50 ms", lambda policy: milliseconds(policy.latency_ms.p50), None),
    _Row("p99 ms", lambda policy: milliseconds(policy.latency_ms.p99), 0),
    _Row("p99 /ideal", lambda policy: times(policy.slowdown.p99), 1),
    _Row("writes/s", lambda policy: f"{policy.throughput_per_s:.0f}", 2),
    _Row("gave up", lambda policy: percent(policy.never_happened / max(policy.attempted, 1)), None),
)


def comparison_table(comparison: Comparison) -> Table:
    """A row per policy and figure, at most 100 columns wide; without ratios where the results must not be judged."""
    judged = not comparison.differences
    table = plain_table()
    table.add_column("policy", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("figure", no_wrap=True)
    for heading in ("A", "B", *(("B / A", "95 % interval") if judged else ())):
        table.add_column(heading, justify="right", no_wrap=True)
    if judged:
        table.add_column("verdict", no_wrap=True)
    for policy in comparison.policies:
        for row in _ROWS:
            table.add_row(*_cells(policy, row, judged=judged), end_section=row is _ROWS[-1])
    return table


def reason_not_judged(comparison: Comparison) -> str | None:
    """Why the results are only shown side by side; None where they are judged."""
    if not comparison.differences:
        return None
    return f"Not judged, only side by side: {'; '.join(comparison.differences)}."


def comparison_lines(comparison: Comparison) -> list[str]:
    """What has to be said beside the table, a sentence each."""
    lines = []
    for policy in comparison.policies:
        lines += [f"{policy.policy}: {said}." for said in _sentences(policy)]
    lines += [f"{name} is only in A." for name in comparison.only_a]
    lines += [f"{name} is only in B." for name in comparison.only_b]
    if not comparison.policies:
        lines.append("No policy is in both results, so there is nothing to compare.")
    return lines


def _cells(policy: PolicyComparison, row: _Row, *, judged: bool) -> list[Text | str]:
    first = row is _ROWS[0]
    cells: list[Text | str] = [Text(policy.policy if first else ""), row.name, row.text(policy.a), row.text(policy.b)]
    if not judged or policy.ratios is None:
        return cells
    if row.measure is None:
        cells += ["", ""]
    else:
        ratio = policy.ratios[row.measure]
        cells += [times(ratio.middle), interval(ratio)]
    said = (policy.verdict or DASH) if first else ""
    return [*cells, Text(said, style=_STYLES.get(said, ""))]


def _sentences(policy: PolicyComparison) -> list[str]:
    found = []
    if policy.verdict == "too few rounds":
        found.append(
            f"too few rounds: A has {policy.a.whole_rounds} and B {policy.b.whole_rounds}; "
            f"an interval needs {FEWEST_ROUNDS} of each"
        )
    elif policy.ratios is not None and policy.ratios[0].low is not None:
        latency = policy.ratios[0]
        found.append(f"{policy.verdict}; {MEASURES[0].title} is {times(latency.middle)} ({interval(latency)})")
    shares = [side.never_happened / max(side.attempted, 1) for side in (policy.a, policy.b)]
    if policy.verdict is not None and abs(shares[0] - shares[1]) >= _MUCH:
        found.append(f"A gave up {percent(shares[0])} of its writes, B {percent(shares[1])}")
    for name, side in (("A", policy.a), ("B", policy.b)):
        if side.lost:
            found.append(f"{name} lost {side.lost} acknowledged writes")
        if side.duplicated:
            found.append(f"{name} wrote {side.duplicated} rows twice")
        if side.damaged:
            found.append(f"{name} left a damaged database ({side.integrity})")
        if side.unchecked:
            found.append(f"{name} was not checked for lost writes")
        if side.partial:
            found.append(f"{name} is partial ({side.partial[0]})")
    return found
