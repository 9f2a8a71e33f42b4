"""How many retries writes took, against the budget's 15."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...registry.sqlite.admission.retry_budget import RetryBudget
from ...results.result import StormRun
from ...results.samples import EXHAUSTED
from ...results.summary import partial_reason, rounds_by_policy
from ..conclusion import load
from ..figures import percent
from .canvas import INK, QUIET, canvas, panel_title, style, tidy, title

__all__ = ["retries_histogram"]

_BUDGET = RetryBudget().retries
_LEAST_SHARE = 0.01


def retries_histogram(runs: Sequence[StormRun]) -> Figure:
    """A panel per policy: the share of its writes, on a logarithmic axis, that took 0, 1, ... 15 retries, then ever
    wider bins, and that gave up; 1600 pixels wide. All rounds together.
    """
    policies = rounds_by_policy(run for run in runs if len(run.samples))
    taken = {policy: np.concatenate([run.samples.retries for run in rounds]) for policy, rounds in policies.items()}
    gave_up = {
        policy: np.concatenate([run.samples.outcome == EXHAUSTED for run in rounds])
        for policy, rounds in policies.items()
    }
    edges = _edges(max(int(values.max()) for values in taken.values()))
    figure = canvas(1.2 + 1.45 * len(policies))
    panels = figure.subplots(len(policies), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    title(figure, _finding(taken, gave_up), load(runs[0]))
    for axes, policy in zip(panels, policies, strict=True):
        _draw(axes, taken[policy], gave_up[policy], edges, colour=style(policy, list(policies))[0])
        partial = any(partial_reason(run) is not None for run in policies[policy])
        panel_title(axes, f"{policy}{' (partial)' if partial else ''}")
    panels[0].annotate(
        "the budget ends",
        (_BUDGET + 0.5, 60),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=INK,
    )
    wide = len(edges) > _BUDGET + 2
    panels[-1].set_xticks(range(len(edges)), [*_bin_names(edges), "gave\nup"], fontsize=7.5 if wide else 8)
    panels[-1].set_xlabel(f"retries of a write{' (16+: 16 to 31, 32+: 32 to 63, and so on)' if wide else ''}")
    figure.supylabel("share of writes in %, log scale", fontsize=10)
    return figure


def _edges(most: int) -> list[int]:
    """Bins [a, b): one for each number up to the budget's, then 16 to 31, 32 to 63 and so on."""
    edges = list(range(_BUDGET + 2))
    while edges[-1] <= most:
        edges.append(edges[-1] * 2)
    return edges


def _bin_names(edges: Sequence[int]) -> list[str]:
    return [
        f"{low}" if high == low + 1 else f"{low}+" if low < 1024 else f"{low // 1024}k+"
        for low, high in pairwise(edges)
    ]


def _draw(
    axes: Axes,
    taken: npt.NDArray[np.int64],
    gave_up: npt.NDArray[np.bool_],
    edges: Sequence[int],
    *,
    colour: str,
) -> None:
    tidy(axes)
    axes.grid(visible=False, axis="x")
    axes.set_yscale("log")
    axes.set_ylim(_LEAST_SHARE, 150)
    axes.yaxis.set_major_locator(FixedLocator([0.01, 0.1, 1, 10, 100]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(-0.7, len(edges) - 0.3)
    axes.axvline(_BUDGET + 0.5, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    if (taken < 0).any():
        axes.annotate(
            "SQLite retries unseen", (0.5, 0.5), xycoords="axes fraction", ha="center", fontsize=10, color=QUIET
        )
    else:
        counts, _ = np.histogram(taken[~gave_up], bins=edges)
        axes.bar(range(len(counts)), np.maximum(counts / len(taken) * 100, 1e-9), width=0.8, color=colour)
    lost = int(gave_up.sum())
    if lost:
        share = lost / len(gave_up) * 100
        axes.bar([len(edges) - 1], [max(share, _LEAST_SHARE)], width=0.8, color="#B2182B", hatch="///", edgecolor="w")


def _finding(taken: dict[str, npt.NDArray[np.int64]], gave_up: dict[str, npt.NDArray[np.bool_]]) -> str:
    if "budget" in taken:
        retries, lost = taken["budget"], int(gave_up["budget"].sum())
        if lost:
            return f"{lost} of {len(retries)} writes spent the budget's {_BUDGET} retries and gave up"
        return f"No write spent the budget's {_BUDGET} retries: the most is {int(retries.max())}"
    seen = {policy: int(values.max()) for policy, values in taken.items() if values.min() >= 0}
    if not seen:
        return "SQLite retries unseen"
    policy = max(seen, key=lambda name: seen[name])
    if not seen[policy]:
        return "No write took a retry"
    if seen[policy] <= _BUDGET:
        return f"No write took more than {seen[policy]} of the budget's {_BUDGET} retries"
    over = float((taken[policy] > _BUDGET).mean())
    return f"Under {policy} {percent(over)} of writes took more than the budget's {_BUDGET} retries"
