"""A capacity search as people read it: the frontier, the law beside it, and where the asked load lies."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from pytest_sessionreg.report.figures import DASH

from .confidence import failing_share_bound
from .law import longest_patience_ms, mean_patience_ms
from .load import Target
from .result import CapacityResult, Point

__all__ = ["capacity_table", "finding", "target_words"]


def target_words(target: Target) -> str:
    """The target in words."""
    return f"no write is given up in {target.rounds_share:.0%} of rounds, and p99 <= {target.p99_ms:g} ms"


def capacity_table(result: CapacityResult) -> Table:
    """A row per policy and hold, at most 100 columns wide."""
    mean_ms = mean_patience_ms()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.title = Text(f"the most writers at which {target_words(result.target)}")
    table.title_justify = "left"
    table.caption = Text(_legend(result), style="dim")
    table.caption_justify = "left"
    table.add_column(Text("\npolicy"), no_wrap=True)
    headings = ("hold\nms", "writers\nhold", "writers\nfail", "writers\nx hold", f"of\n{mean_ms:g} ms", "lock\nbusy")
    for heading in (*headings, f"over\n{result.target.p99_ms:g} ms", "rounds\nrun", "may\ngive up"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    table.add_column(Text(f"your {result.workers}\nx {result.hold_ms:g} ms"), no_wrap=True)
    last = None
    for point in result.points():
        label = _label(point)
        if last not in (None, label):
            table.add_section()
        known = point.held > 0
        table.add_row(
            label if label != last else "",
            f"{point.hold_ms:g}",
            f"{point.held}" if known or point.done else DASH,
            DASH if point.failed is None else f"{point.failed}",
            f"{point.held * point.hold_ms:g} ms" if known else DASH,
            f"{point.held * point.hold_ms / mean_ms:.0%}" if known else DASH,
            DASH if point.utilization is None else f"{point.utilization:.0%}",
            DASH if point.slow_share is None else f"{point.slow_share:.1%}",
            f"{point.rounds}+{point.harder}",
            DASH if point.failing_share is None else f"<{_percent(point.failing_share)}",
            Text(*_place_in_words(result, point)),
        )
        last = label
    return table


def _label(point: Point) -> str:
    return f"{point.policy}, no p99" if point.question == "survival" else point.policy


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _place_in_words(result: CapacityResult, point: Point) -> tuple[str, str]:
    """Where the load that is asked about lies, and in which style to say it."""
    if point.hold_ms != result.hold_ms:
        return "", ""
    if point.held >= result.workers:
        return f"holds, {point.held / result.workers:.1f}x", "green"
    if point.failed is not None and point.failed <= result.workers:
        return "fails", "bold red"
    return "not settled", "yellow"


def _legend(result: CapacityResult) -> str:
    needed = next(count for count in range(1, 10_000) if failing_share_bound(count) <= 1 - result.target.rounds_share)
    longer = "" if result.survival_round_s == result.round_s else f" ({result.survival_round_s:g} s without p99)"
    storms = f"{len(result.rounds)} storms of {result.round_s:g} s{longer}, {result.think_ms:g} ms mean think time"
    proof = f"{result.target.rounds_share:.0%} good ones take {needed} rounds to prove"
    lines = [
        f"{storms}; tried up to {result.ceiling} writers",
        "rounds run: at that load + at harder ones in which no write was given up either",
        f"may give up: of all rounds there, at most so many, with 95 % confidence; {proof}",
        f"over {result.target.p99_ms:g} ms: so many of the writes; the target allows 1.0%",
    ]
    if not all(point.done for point in result.points()):
        lines.append("not finished: some gaps between hold and fail are wide; --resume goes on, --seconds gives time")
    return "\n".join(lines)


def finding(result: CapacityResult) -> str:
    """The frontier at the asked hold, the law, and where the load lies, in a few sentences."""
    points = [point for point in result.points() if point.hold_ms == result.hold_ms]
    sentences = []
    asked = [point for point in points if point.question == "target"]
    if asked:
        each = ", ".join(f"{point.policy} {_held_in_words(point)}" for point in asked)
        sentences.append(
            f"At {result.hold_ms:g} ms hold and {result.think_ms:g} ms think time the most writers at which "
            f"{target_words(result.target)}: {each}."
        )
    survival = [point for point in result.points() if point.question == "survival" and point.held]
    if survival:
        products = [point.held * point.hold_ms for point in survival]
        busy = [point.utilization for point in survival if point.utilization is not None]
        fewest = min(point.rounds for point in survival)
        tested = "1 round" if fewest == 1 else f"{fewest} rounds or more"
        mean_ms = mean_patience_ms()
        shares = _span([product / mean_ms for product in products], ".0%")
        sentences.append(
            f"Whatever its tail, the retry budget gave up no write up to writers x hold of {_span(products, 'g')} ms "
            f"({tested} of {result.survival_round_s:g} s per point), where the lock was busy {_span(busy, '.0%')} of "
            f"the time: {shares} of the {mean_ms / 1000:g} s that its retries last on average "
            f"({longest_patience_ms() / 1000:g} s at most)."
        )
    inside = [point.policy for point in asked if point.held >= result.workers]
    outside = [point.policy for point in asked if point.failed is not None and point.failed <= result.workers]
    verdicts = [
        f"{words} {', '.join(names)}" for words, names in (("holds under", inside), ("fails under", outside)) if names
    ]
    if verdicts:
        sentences.append(f"A load of {result.workers} writers x {result.hold_ms:g} ms {' and '.join(verdicts)}.")
    bounds = [(point.failing_share, point.rounds + point.harder) for point in asked if point.failing_share is not None]
    if bounds:
        share, rounds = max(bounds)
        sentences.append(
            f"{result.target.rounds_share:.0%} of rounds is the target, not the proof: the least tested point "
            f"rests on {rounds} {'round' if rounds == 1 else 'rounds'}, so that up to {_percent(share)} of all rounds "
            "there may give up a write (95 % confidence)."
        )
    return " ".join(sentences)


def _span(values: Sequence[float], form: str) -> str:
    """The least and the greatest, or one where both read the same."""
    least, greatest = format(min(values), form), format(max(values), form)
    return least if least == greatest else f"{least} to {greatest}"


def _held_in_words(point: Point) -> str:
    if point.failed is None:
        return f"{point.held} or more"
    return f"{point.held} ({point.failed} fail)"
