from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from pytest_sessionreg.errors import InvalidArgument
from pytest_sessionreg.report.plots.canvas import png, svg
from pytest_sessionreg.report.plots.frontier import Frontier, capacity_frontier
from pytest_sessionreg.report.plots.latency import latency_by_percentile
from pytest_sessionreg.report.plots.ratios import ratio_forest
from pytest_sessionreg.report.plots.retries import retries_histogram
from pytest_sessionreg.report.plots.timeline import _lanes, _overtakes, timeline
from pytest_sessionreg.report.plots.verdicts import Strip, verdict_strips
from pytest_sessionreg.report.plots.waits import longest_waits, wait_heat_map
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.results.result import Quantiles, StormRun
from pytest_sessionreg.results.samples import COMMITTED, EXHAUSTED
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm


@pytest.fixture(scope="module")
def run() -> StormRun:
    return run_storm(Plan(policy_named("queue"), workers=4, writes=12, hold_ms=1, think_ms=2))


def _with(run: StormRun, count: int, columns: Mapping[str, Any], **changes: object) -> StormRun:
    """`run` with `count` samples; `columns` replaces some of theirs."""
    tiled = {
        column.name: np.resize(getattr(run.samples, column.name), count).astype(np.int64)
        for column in fields(run.samples)
    }
    given = {
        name: np.broadcast_to(np.asarray(values, dtype=np.int64), count).copy() for name, values in columns.items()
    }
    samples = replace(run.samples, **{**tiled, **given})
    return replace(run, samples=samples, latency_ms=Quantiles.of(samples.latency_us), **changes)  # type: ignore[arg-type]


def _crowd(run: StormRun, workers: int, writes: int, **changes: object) -> StormRun:
    """A storm of `workers`, in which worker 7 waits longest."""
    count = workers * writes
    worker = np.repeat(np.arange(workers), writes)
    wait = np.full(count, 3000)
    wait[worker == 7] = 50_000
    started = np.tile(np.arange(writes) * 100_000, workers) + worker * 100
    columns = {
        "worker": worker,
        "sequence": np.tile(np.arange(writes), workers),
        "started_us": started,
        "wait_us": wait,
        "hold_us": 1000,
        "retries": 2,
        "outcome": COMMITTED,
    }
    return _with(run, count, columns, workers=workers, elapsed_s=writes * 0.1, **changes)


def _legend(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def _points(line: Line2D) -> int:
    return int(np.size(np.asarray(line.get_xdata())))


def _heights(axes: Axes) -> list[float]:
    return [patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)]


def _finding(figure: Figure) -> str:
    title: str = figure.get_suptitle()
    return title


def test_latency_has_a_curve_per_policy_the_ideal_and_units(run: StormRun) -> None:
    runs = [replace(run, policy="budget"), replace(run, policy="busy-timeout"), run]
    (axes,) = latency_by_percentile(runs).axes
    assert [label.split(":")[0] for label in _legend(axes)] == ["ideal", "budget", "busy-timeout", "queue"]
    assert "ms" in axes.get_ylabel()
    assert axes.get_yscale() == "log"


def test_latency_says_from_when_to_when_it_is(run: StormRun) -> None:
    def label(shown: StormRun) -> str:
        (axes,) = latency_by_percentile([shown]).axes
        return axes.get_ylabel()

    assert label(run) == "latency in ms: first attempt to COMMIT"
    assert label(replace(run, rate_per_s=50.0)) == "latency in ms: scheduled instant to end of write"
    unknown = replace(run.samples, wait_us=run.samples.wait_us * 0 - 1, after_us=run.samples.hold_us)
    assert label(replace(run, samples=unknown)) == "latency in ms: the whole write"


def test_latency_of_many_writes_is_drawn_with_few_points_and_its_maximum(run: StormRun) -> None:
    wait = np.arange(200_000)
    wait[123_456] = 9_000_000
    many = _with(run, 200_000, {"worker": 0, "wait_us": wait, "hold_us": 1000, "outcome": COMMITTED})
    (axes,) = latency_by_percentile([many]).axes
    for line in axes.get_lines():
        assert _points(line) <= 600
    assert float(np.max(axes.get_lines()[-1].get_ydata())) == pytest.approx(9001.0)


def test_latency_of_rounds_is_one_curve_and_a_band_per_policy(run: StormRun) -> None:
    runs = [replace(run, round=number, rounds=3) for number in (1, 2, 3)]
    (axes,) = latency_by_percentile(runs).axes
    assert len(axes.get_lines()) == 2
    assert len(axes.collections) == 2
    assert "median of 3 rounds" in axes.get_title(loc="left")


def test_the_timeline_has_a_panel_per_policy_and_at_most_32_lanes(run: StormRun) -> None:
    crowd = _crowd(run, 100, 3)
    figure = timeline([crowd, replace(crowd, policy="budget")])
    assert len(figure.axes) == 2
    lanes = _lanes(crowd, 320_000)
    assert len(lanes) == 32
    assert 7 in lanes
    assert lanes == sorted(lanes)
    for axes, policy in zip(figure.axes, ("queue", "budget"), strict=True):
        assert f"{policy}: " in axes.get_title(loc="left")
        assert "32 of 100 workers" in axes.get_title(loc="left")
        assert axes.get_ylim() == (34, 0)


def test_the_timeline_marks_the_writes_that_gave_up(run: StormRun) -> None:
    crowd = _crowd(run, 10, 2)
    outcome = np.where((crowd.samples.worker == 7) & (crowd.samples.sequence == 1), EXHAUSTED, COMMITTED)
    lost = replace(crowd, samples=replace(crowd.samples, outcome=outcome))
    (axes,) = timeline([lost]).axes
    marks = [line for line in axes.get_lines() if line.get_marker() == "X"]
    assert [_points(line) for line in marks].count(1) == 1
    assert "gave up after 50.0 ms" in axes.get_title(loc="left")
    (before,) = timeline([crowd]).axes
    assert not any(_points(line) for line in before.get_lines())


def test_the_timeline_counts_who_overtook_the_longest_wait(run: StormRun) -> None:
    # worker 0 waits from 10 to 110; one came before it, one after it was served first, one was served last
    columns = {
        "worker": [0, 1, 2, 3],
        "sequence": 0,
        "started_us": [10, 5, 20, 30],
        "wait_us": [100, 50, 60, 95],
        "hold_us": 10,
        "outcome": COMMITTED,
    }
    assert _overtakes(_with(run, 4, columns)) == 1


def test_retries_are_shares_of_writes_beside_the_budgets_end(run: StormRun) -> None:
    columns = {"retries": [0] * 6 + [1] * 2 + [15] * 2, "outcome": [COMMITTED] * 9 + [EXHAUSTED]}
    figure = retries_histogram([_with(run, 10, columns, policy="budget")])
    (axes,) = figure.axes
    heights = _heights(axes)
    assert heights[:2] == pytest.approx([60, 20])
    assert heights[15] == pytest.approx(10)
    assert heights[-1] == pytest.approx(10), "gave up"
    assert _finding(figure) == "1 of 10 writes spent the budget's 15 retries and gave up"
    assert axes.get_xticklabels()[-1].get_text() == "gave\nup"


def test_more_retries_than_the_budgets_have_ever_wider_bins(run: StormRun) -> None:
    figure = retries_histogram([_with(run, 4, {"retries": [0, 16, 31, 100], "outcome": COMMITTED}, policy="interval")])
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[15:] == ["15", "16+", "32+", "64+", "gave\nup"]
    assert [round(height) for height in _heights(axes)[16:]] == [50, 0, 25]
    assert "75.0% of writes" in _finding(figure)


def test_retries_that_nobody_saw_are_said_to_be_unseen(run: StormRun) -> None:
    figure = retries_histogram([_with(run, 4, {"retries": -1}, policy="busy-timeout")])
    assert any("unseen" in text.get_text() for text in figure.axes[0].texts)


def test_a_wait_darkens_the_cells_in_which_it_was_under_way(run: StormRun) -> None:
    columns = {"worker": [0, 1, 1], "started_us": [0, 600, 900], "wait_us": [300_000, 400, 1000], "hold_us": 0}
    grid = longest_waits(_with(run, 3, columns).samples, 1_200_000, rows=2)
    assert grid.shape == (2, 120)
    assert grid[0, :31].tolist() == [300.0] * 31
    assert np.isnan(grid[0, 31:]).all()
    assert grid[1, 0] == 1.0, "0.4 ms is no wait"
    assert np.isnan(grid[1, 1:]).all()


def test_the_heat_map_groups_many_workers(run: StormRun) -> None:
    crowd = _crowd(run, 256, 3)
    figure = wait_heat_map([crowd])
    (image,) = figure.axes[0].get_images()
    assert np.asarray(image.get_array()).shape == (64, 120)
    assert "50.0 ms" in _finding(figure)


def test_the_forest_has_a_bar_per_policy_and_measure(run: StormRun) -> None:
    runs = [
        replace(run, policy=policy, round=number, rounds=5, throughput_per_s=value * (1 + number / 100))
        for number in range(1, 6)
        for policy, value in (("busy-timeout", 100.0), ("queue", 200.0), ("budget", 50.0))
    ]
    figure = ratio_forest(runs)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["budget", "queue"] * 3
    assert axes.get_xscale() == "log"
    bars = [line for line in axes.get_lines() if line.get_linewidth() == 3]
    assert len(bars) == 2, "of the throughput; forty-eight writes have no p99"
    assert _finding(figure) == "Throughput under queue is 2.00x that of busy-timeout (2.00 to 2.00x)"


def test_the_frontier_draws_the_law_the_limits_and_this_machines_load() -> None:
    frontiers = [
        Frontier("budget", [1, 2, 5], [200, 90, None], [False] * 3),
        Frontier("queue", [1, 2, 5], [512, 512, 300], [True, True, False]),
    ]
    figure = capacity_frontier(frontiers, finding="The queue carries more", target="p99 <= 250 ms", own_load=(8, 2))
    (axes,) = figure.axes
    assert _finding(figure) == "The queue carries more"
    assert "p99 <= 250 ms" in axes.get_title(loc="left")
    (law,) = [line for line in axes.get_lines() if "1275" in str(line.get_label())]
    assert np.asarray(law.get_xdata()) * np.asarray(law.get_ydata()) == pytest.approx(1275)
    limits = [line for line in axes.get_lines() if line.get_marker() == "^"]
    assert [_points(line) for line in limits] == [0, 2, 0]
    assert any("your load: 8 x 2 ms" in str(line.get_label()) for line in axes.get_lines())


def test_a_frontier_of_uneven_arrays_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="the frontier of queue needs as many holds as writers"):
        capacity_frontier([Frontier("queue", [1, 2], [3], [False])], finding="", target="")


def test_every_gate_run_is_a_mark_in_its_row_and_has_the_colour_of_its_verdict() -> None:
    strips = [Strip("same", [0.9, 1.0, 1.1], ["PASS", "PASS", "INCONCLUSIVE"]), Strip("worse", [4.0], ["REGRESSED"])]
    figure = verdict_strips(strips, finding="Seen", beneath="a mark per run")
    (axes,) = figure.axes
    marks = [line for line in axes.get_lines() if _points(line) and line.get_marker() != "None"]
    assert [_points(line) for line in marks] == [1, 2, 1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["same", "worse"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["REGRESSED", "INCONCLUSIVE", "PASS"]
    assert _finding(figure) == "Seen"


@pytest.mark.parametrize("strips", [[], [Strip("none", [], [])], [Strip("uneven", [1.0], [])]], ids=str)
def test_strips_without_runs_or_verdicts_are_refused(strips: list[Strip]) -> None:
    with pytest.raises(InvalidArgument, match="strips need as many verdicts as runs"):
        verdict_strips(strips, finding="", beneath="")


def test_a_picture_is_1600_pixels_wide_and_a_bare_svg(run: StormRun) -> None:
    figure = latency_by_percentile([run])
    picture = png(figure)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture[16:20], "big") == 1600
    assert svg(figure).startswith("<svg")
