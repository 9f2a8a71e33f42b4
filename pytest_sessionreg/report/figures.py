"""The figures of a result as text, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..results.ratios import Ratio
from ..results.summary import PolicySummary

__all__ = ["COLUMNS", "DASH", "NOT_CHECKED", "Column", "interval", "milliseconds", "percent", "times"]

# Stands for a figure that cannot be had: too few samples, too few rounds, or SQLite retried unseen.
DASH = "-"
NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure: its heading in two short lines, what it means, and its text for a policy."""

    heading: tuple[str, str]
    meaning: str
    text: Callable[[PolicySummary], str]

    @property
    def name(self) -> str:
        """The heading on one line."""
        return " ".join(part for part in self.heading if part).replace("- ", "")


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
    """A ratio, e.g. "0.012x", "1.04x", "44x"."""
    return DASH if ratio is None else f"{_number(ratio)}x"


def interval(ratio: Ratio) -> str:
    """The 95 % interval of a ratio, e.g. "0.91 to 1.08x"; a dash with too few rounds."""
    if ratio.low is None or ratio.high is None:
        return DASH
    return f"{_number(ratio.low)} to {times(ratio.high)}"


def _number(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def _lost(policy: PolicySummary) -> str:
    return f"{policy.lost}" if policy.lost or (policy.lost == 0 and not policy.unchecked) else NOT_CHECKED


COLUMNS = (
    Column(
        ("", "policy"),
        "how a writer gets the write lock; * for a partial result",
        lambda policy: f"{policy.policy}{'*' if policy.partial else ''}",
    ),
    Column(("", "writes"), "attempted", lambda policy: f"{policy.attempted}"),
    Column(
        ("busy", "rate"),
        "busy BEGINs over all BEGINs; unseen under a busy timeout",
        lambda policy: percent(policy.busy_rate),
    ),
    Column(("con-", "tended"), "writes that waited over 0.5 ms", lambda policy: percent(policy.contended_rate)),
    Column(
        ("retries", "/write"),
        "attempts after a busy one, per write; unseen under a busy timeout",
        lambda policy: DASH if policy.retries_per_write is None else f"{policy.retries_per_write:.2f}",
    ),
    Column(("ex-", "hausted"), "writes that the policy gave up", lambda policy: f"{policy.exhausted}"),
    Column(("p50", "ms"), "median latency: wait plus hold", lambda policy: milliseconds(policy.latency_ms.p50)),
    Column(("p99", "ms"), "99th percentile; needs 368 writes", lambda policy: milliseconds(policy.latency_ms.p99)),
    Column(
        ("p99.9", "ms"),
        "99.9th percentile; needs 3,688 writes",
        lambda policy: milliseconds(policy.latency_ms.p999),
    ),
    Column(("max", "ms"), "the longest", lambda policy: milliseconds(policy.latency_ms.max)),
    Column(
        ("p99", "/ideal"),
        "slowdown: p99 over the p99 of a perfect queue at the same load",
        lambda policy: times(policy.slowdown.p99),
    ),
    Column(("writes", "/s"), "acknowledged per second", lambda policy: f"{policy.throughput_per_s:.0f}"),
    Column(("", "lost"), "acknowledged, and not in the database afterwards", _lost),
)
