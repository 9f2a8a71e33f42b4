"""The figures of a result as text, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..storm.result import Run

__all__ = ["COLUMNS", "DASH", "Column", "milliseconds", "percent", "times"]

# Stands for a figure that cannot be had: too few samples, or SQLite retried unseen.
DASH = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure: its heading in two short lines, what it means, and its text for a run."""

    heading: tuple[str, str]
    meaning: str
    text: Callable[[Run], str]


def percent(share: float | None) -> str:
    """A share as a percentage, e.g. "12.3%"."""
    return DASH if share is None else "100%" if share > 0.9995 else f"{share * 100:.1f}%"


def milliseconds(value: float | None) -> str:
    """Three significant digits, e.g. "0.043", "5.88", "268"; thousands keep all of theirs."""
    if value is None:
        return DASH
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def times(ratio: float | None) -> str:
    """A ratio, e.g. "1.04x", "44x"."""
    return DASH if ratio is None else f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.2f}x"


COLUMNS = (
    Column(("", "policy"), "how a writer gets the write lock", lambda run: run.policy),
    Column(("", "writes"), "attempted", lambda run: f"{run.counts.attempted}"),
    Column(
        ("busy", "rate"),
        "busy BEGINs over all BEGINs; unseen under busy-timeout",
        lambda run: percent(run.busy_rate),
    ),
    Column(("con-", "tended"), "writes that waited over 0.5 ms", lambda run: percent(run.contended_rate)),
    Column(
        ("retries", "/write"),
        "attempts after a busy one, per write; unseen under busy-timeout",
        lambda run: DASH if run.retries_per_write is None else f"{run.retries_per_write:.2f}",
    ),
    Column(("ex-", "hausted"), "writes that the policy gave up", lambda run: f"{run.counts.exhausted}"),
    Column(("p50", "ms"), "median latency: wait plus hold", lambda run: milliseconds(run.latency_ms.p50)),
    Column(("p99", "ms"), "99th percentile; needs 368 writes", lambda run: milliseconds(run.latency_ms.p99)),
    Column(
        ("p99.9", "ms"),
        "99.9th percentile; needs 3,688 writes",
        lambda run: milliseconds(run.latency_ms.p999),
    ),
    Column(("max", "ms"), "the longest", lambda run: milliseconds(run.latency_ms.max)),
    Column(
        ("p99", "/ideal"),
        "slowdown: p99 over the p99 of a perfect queue at the same load",
        lambda run: times(run.slowdown.p99),
    ),
    Column(("writes", "/s"), "acknowledged per second", lambda run: f"{run.throughput_per_s:.0f}"),
    Column(
        ("", "lost"),
        "acknowledged, and not in the database afterwards",
        lambda run: DASH if run.counts.lost is None else f"{run.counts.lost}",
    ),
)
