"""A capacity search as people read it: the frontier, the law beside it, and where the asked load lies."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from pytest_sessionreg.report.figures import DASH, milliseconds

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
    for heading in (
        "hold\nms",
        "writers\nhold",
        "writers\nfail",
        "writers\nx hold ms",
        f"of the budget's\n{mean_ms:g} ms",
    ):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for heading in ("rounds\nthere", "rounds that may\ngive up", "worst\np99 ms"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    table.add_column(Text(f"{result.workers} writers x\n{result.hold_ms:g} ms"), no_wrap=True)
    last = None
    for point in result.points():
        label = _label(point)
        if last not in (None, label):
            table.add_section()
        table.add_row(
            label if label != last else "",
            f"{point.hold_ms:g}",
            f"{point.held}" if point.done or point.held else DASH,
            DASH if point.failed is None else f"{point.failed}",
            f"{point.held * point.hold_ms:g}",
            f"{point.held * point.hold_ms / mean_ms:.0%}",
            f"{point.rounds}",
            DASH if point.failing_share is None else f"at most {_percent(point.failing_share)}",
            milliseconds(point.p99_ms),
            Text(*_place(result, point)),
        )
        last = label
    return table


def _label(point: Point) -> str:
    return f"{point.policy}, no p99" if point.question == "survival" else point.policy


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _place(result: CapacityResult, point: Point) -> tuple[str, str]:
    """Where the load that is asked about lies, and in which style to say it."""
    if point.hold_ms != result.hold_ms:
        return "", ""
    if point.held >= result.workers:
        return f"holds ({point.held / result.workers:.1f}x)", "green"
    if point.failed is not None and point.failed <= result.workers:
        return "fails", "bold red"
    return "not settled", "yellow"


def _legend(result: CapacityResult) -> str:
    rounds = len(result.rounds)
    proof = next(count for count in range(1, 1000) if failing_share_bound(count) <= 1 - result.target.rounds_share)
    lines = [
        f"writers hold / fail: the most that held, the fewest that failed ({DASH}: none up to {result.ceiling});",
        f"think time {result.think_ms:g} ms. {rounds} storms of {result.round_s:g} s"
        + (
            f" (for the budget without p99: {result.survival_round_s:g} s)."
            if result.survival_round_s != result.round_s
            else "."
        ),
        "rounds that may give up: of all rounds at that load, with 95 % confidence after the rounds that were",
        f"run; {result.target.rounds_share:.0%} are proven by {proof} rounds without a failure, not by fewer.",
        "p99 is the worst of the rounds with at least 368 writes.",
    ]
    if not all(point.done for point in result.points()):
        lines.append("The search did not end everywhere: the gaps between hold and fail are still wide.")
    return "\n".join(lines)


def finding(result: CapacityResult) -> str:
    """The frontier at the asked hold, the law, and where the load lies, in a few sentences."""
    points = [point for point in result.points() if point.hold_ms == result.hold_ms]
    sentences = []
    asked = [point for point in points if point.question == "target"]
    if asked:
        each = ", ".join(f"{point.policy} {_held(point)}" for point in asked)
        sentences.append(
            f"At {result.hold_ms:g} ms hold and {result.think_ms:g} ms think time the most writers at which "
            f"{target_words(result.target)}: {each}."
        )
    survival = [point for point in result.points() if point.question == "survival" and point.held]
    if survival:
        products = [point.held * point.hold_ms for point in survival]
        span = f"{min(products):g}" if min(products) == max(products) else f"{min(products):g} to {max(products):g}"
        open_end = any(point.failed is None for point in survival)
        sentences.append(
            f"The retry budget gives up no write while writers x hold is {'at' if open_end else 'below'} {span} ms, "
            f"{min(products) / mean_patience_ms():.0%} of the {mean_patience_ms() / 1000:g} s that its retries last on "
            f"average (at most {longest_patience_ms() / 1000:g} s)."
        )
    inside = [point.policy for point in asked if point.held >= result.workers]
    outside = [point.policy for point in asked if point.failed is not None and point.failed <= result.workers]
    verdicts = [
        f"{words} {', '.join(names)}" for words, names in (("holds under", inside), ("fails under", outside)) if names
    ]
    if verdicts:
        sentences.append(f"A load of {result.workers} writers x {result.hold_ms:g} ms {' and '.join(verdicts)}.")
    fewest = min((point.rounds for point in asked if point.rounds), default=0)
    if fewest:
        sentences.append(
            f"This rests on at least {fewest} rounds per point: with 95 % confidence at most "
            f"{_percent(failing_share_bound(fewest))} of the rounds there give up a write."
        )
    return " ".join(sentences)


def _held(point: Point) -> str:
    if point.failed is None:
        return f"{point.held} or more"
    return f"{point.held} ({point.failed} fail)"
