"""The pictures of a storm, in the order in which the page shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ..results.comparison import CONTROL, against_control
from ..results.result import StormRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "Picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """name: that of its files, and of the module in `plots` that draws it.
    function: what draws it there, from the runs of a storm to a Figure.
    heading, caption: what the page says of it.
    applies: whether these runs have what it shows.
    """

    name: str
    function: str
    heading: str
    caption: str
    applies: Callable[[Sequence[StormRun]], bool]

    def draw(self, runs: Sequence[StormRun]) -> Figure:
        """The picture of `runs`. Loads matplotlib."""
        module = import_module(f".plots.{self.name}", __package__)
        figure: Figure = getattr(module, self.function)(runs)
        return figure


def _have_writes(runs: Sequence[StormRun]) -> bool:
    return any(len(run.samples) for run in runs)


def _have_rounds(runs: Sequence[StormRun]) -> bool:
    return _have_writes(runs) and any(run.rounds > 1 for run in runs) and bool(against_control(runs))


def _have_waits(runs: Sequence[StormRun]) -> bool:
    return any(run.samples.divided for run in runs)


PICTURES = (
    # the first one is also `storm.png`
    Picture(
        "latency",
        "latency_by_percentile",
        "Latency by percentile",
        "How long the slowest one in ten, hundred, thousand writes took. The dotted line is the limit that no policy "
        "can beat at this load.",
        _have_writes,
    ),
    Picture(
        "ratios",
        "ratio_forest",
        f"Against {CONTROL}",
        "A bar that does not touch 1 is a difference that the rounds agree on.",
        _have_rounds,
    ),
    Picture(
        "timeline",
        "timeline",
        "Who held the lock, who waited",
        "A few moments around each policy's longest wait, a lane per worker. Blue marks in other lanes while one lane "
        "stays yellow are writes that overtook it, if they began to wait later.",
        _have_waits,
    ),
    Picture(
        "waits",
        "wait_heat_map",
        "When and where the waiting was",
        "Dark cells are long waits. Even shade is fairness; streaks are workers that starve.",
        _have_waits,
    ),
    Picture(
        "retries",
        "retries_histogram",
        "Retries per write",
        "The dashed line is where the 15-retry budget ends: what lies beyond it would have been given up.",
        _have_waits,
    ),
)
