"""A capacity search as a picture: the frontier of each policy, the law, and the load that is asked about."""

from __future__ import annotations

from pytest_sessionreg.report.plots.canvas import png, svg
from pytest_sessionreg.report.plots.frontier import Frontier, capacity_frontier

from .law import mean_patience_ms
from .result import CapacityResult, Point
from .table import target_words

__all__ = ["capacity_pictures"]

_SURVIVAL = "budget, whatever its p99"


def capacity_pictures(result: CapacityResult) -> dict[str, bytes]:
    """`capacity.png` and `capacity.svg`, by file name; none where no point was reached."""
    frontiers = _frontiers(result.points())
    if not any(number for frontier in frontiers for number in frontier.writers):
        return {}
    figure = capacity_frontier(
        frontiers,
        finding=_finding(result),
        target=f"{target_words(result.target)}; think time {result.think_ms:g} ms",
        law_ms=mean_patience_ms(),
        own_load=(result.workers, result.hold_ms),
    )
    return {"capacity.png": png(figure), "capacity.svg": svg(figure).encode()}


def _frontiers(points: list[Point]) -> list[Frontier]:
    grouped: dict[str, list[Point]] = {}
    for point in points:
        grouped.setdefault(point.policy if point.question == "target" else _SURVIVAL, []).append(point)
    return [
        Frontier(
            policy=name,
            hold_ms=[point.hold_ms for point in found],
            writers=[float(point.held) if point.held or point.done else None for point in found],
            at_limit=[point.failed is None for point in found],
        )
        for name, found in grouped.items()
    ]


def _finding(result: CapacityResult) -> str:
    """The title: the asked load under the weakest and the strongest policy."""
    asked = [point for point in result.points() if point.question == "target" and point.hold_ms == result.hold_ms]
    known = sorted((point for point in asked if point.held or point.done), key=lambda point: point.held)
    if not known:
        return "The search did not get far enough for a frontier"
    worst, best = known[0], known[-1]
    if worst is best:
        return f"At {result.hold_ms:g} ms hold {worst.policy} stands {worst.held} writers"
    return (
        f"At {result.hold_ms:g} ms hold {worst.policy} stands {worst.held} writers, "
        f"{best.policy} {best.held}{' or more' if best.failed is None else ''}"
    )
