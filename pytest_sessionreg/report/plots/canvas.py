"""What all pictures share: their size, their colours, their title, and how they become files."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import IO, Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...results.result import StormRun
from ...results.summary import partial_reason, rounds_by_policy

__all__ = [
    "INK",
    "QUIET",
    "canvas",
    "panel_title",
    "png",
    "run_name",
    "style",
    "svg",
    "tidy",
    "title",
    "typical_rounds",
]

LineStyle = str | tuple[float, tuple[float, ...]]

# Okabe and Ito's palette, which colour-blind readers can tell apart; line styles tell the same in grey.
_STYLES: dict[str, tuple[str, LineStyle]] = {
    "budget": ("#D55E00", "-"),
    "busy-timeout": ("#E69F00", (0, (5, 1.5))),
    "interval": ("#56B4E9", (0, (3, 1, 1, 1))),
    "queue": ("#0072B2", "-"),
}
_OTHERS: tuple[tuple[str, LineStyle], ...] = (("#009E73", "-"), ("#CC79A7", (0, (5, 1.5))), ("#000000", "--"))
INK = "#1a1a1a"
QUIET = "#555555"
_WIDTH_IN = 8
# Readers see 800 pixels; twice as many are drawn, for sharp screens.
_DPI = 200
# What fits the width at the sizes below, in characters.
_FINDING_WIDTH, _LOAD_WIDTH = 85, 105


def canvas(height_in: float) -> Figure:
    """An empty figure, 1600 pixels wide, shown at 800."""
    figure = Figure(figsize=(_WIDTH_IN, height_in), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def style(policy: str, others: Sequence[str] = ()) -> tuple[str, LineStyle]:
    """Colour and line style of a policy; those that are not built in get theirs by their place in `others`."""
    if policy in _STYLES:
        return _STYLES[policy]
    unknown = [name for name in others if name not in _STYLES]
    return _OTHERS[unknown.index(policy) % len(_OTHERS) if policy in unknown else 0]


def title(figure: Figure, finding: str, beneath: str) -> None:
    """What the picture shows, in bold, and `beneath` it the load and whatever else a reader needs."""
    figure.suptitle(_wrap_evenly(finding, _FINDING_WIDTH), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    axes = figure.axes[0]
    axes.set_title(_wrap_evenly(beneath, _LOAD_WIDTH), loc="left", x=0, fontsize=9, color=QUIET)


def _wrap_evenly(text: str, width: int) -> str:
    """`text` in as few lines as `width` allows, none of them a lone last word."""
    lines = len(textwrap.wrap(text, width))
    narrower = next(
        number for number in range(len(text) // lines, width + 1) if len(textwrap.wrap(text, number)) <= lines
    )
    return textwrap.fill(text, narrower)


def panel_title(axes: Axes, text: str) -> None:
    """`text` over one of several panels; over the first one it comes beneath what `title` wrote there."""
    above = axes.get_title(loc="left")
    axes.set_title(f"{above}\n{text}" if above else text, loc="left", x=0, fontsize=9, color=INK)


def tidy(axes: Axes) -> None:
    """No frame but the two axes, and a grid that stays behind the data."""
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def typical_rounds(runs: Sequence[StormRun]) -> list[StormRun]:
    """One run of each policy: the round whose longest latency is the (lower) median of its rounds. Runs without writes,
    or whose waits nobody knows, are left out.
    """
    chosen = []
    for rounds in rounds_by_policy(runs).values():
        known = [run for run in rounds if run.samples.divided]
        ordered = sorted(known, key=lambda run: run.latency_ms.max or 0)
        if ordered:
            chosen.append(ordered[(len(ordered) - 1) // 2])
    return chosen


def run_name(run: StormRun) -> str:
    """How a panel calls `run`: its policy, whether it is partial, and its round, if there are several."""
    partial = "" if partial_reason(run) is None else " (partial)"
    return f"{run.policy}{partial}{f', round {run.round}' if run.rounds > 1 else ''}"


def png(figure: Figure) -> bytes:
    """The picture as PNG, 1600 pixels wide."""
    file = io.BytesIO()
    _save(figure, file, format="png")
    return file.getvalue()


def svg(figure: Figure) -> str:
    """The picture as an `<svg>` element, without the XML prologue."""
    file = io.StringIO()
    _save(figure, file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def _save(figure: Figure, file: IO[Any], **options: Any) -> None:
    figure.savefig(file, **options)
    figure.set_layout_engine("none")  # another format is laid out like the first: that takes a quarter of the time
