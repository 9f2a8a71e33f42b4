from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pytest_sessionreg.report import files
from pytest_sessionreg.report.figures import COLUMNS, milliseconds, percent, times
from pytest_sessionreg.report.page import storm_page
from pytest_sessionreg.report.plots import latency_by_percentile
from pytest_sessionreg.report.table import storm_table
from pytest_sessionreg.report.verdict import verdict
from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.policies import policy_named
from pytest_sessionreg.storm.result import Counts, Run, Slowdown, StormResult
from pytest_sessionreg.storm.storm import run_storm


@pytest.fixture(scope="module")
def run() -> Run:
    return run_storm(Plan(policy_named("queue"), workers=4, writes=12, hold_ms=1, think_ms=2))


@pytest.fixture(scope="module")
def result(run: Run) -> StormResult:
    runs = (replace(run, policy="budget"), replace(run, policy="busy-timeout", busy_rate=None), run)
    return StormResult(environment=Environment.of("/tmp/x.db"), command="sessionreg storm --seed 1", runs=runs)  # noqa: S108


def _run(
    run: Run, policy: str, slowdown: float | None, *, exhausted: int = 0, lost: int = 0, integrity: str = "ok"
) -> Run:
    counts = Counts(
        attempted=1000,
        acknowledged=1000 - exhausted,
        busy=0,
        retries=0,
        exhausted=exhausted,
        failed=0,
        lost=lost,
        duplicated=0,
    )
    return replace(
        run, policy=policy, counts=counts, slowdown=Slowdown(p50=1.0, p99=slowdown, p999=None), integrity=integrity
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0432, "0.043"), (1.2345, "1.23"), (12.345, "12.3"), (267.9, "268"), (4764.2, "4764")],
)
def test_milliseconds_have_three_significant_digits(value: float | None, text: str) -> None:
    assert milliseconds(value) == text


def test_what_cannot_be_had_is_a_dash() -> None:
    assert (percent(None), times(None), percent(0.1234), times(1.043), times(43.7)) == (
        "-",
        "-",
        "12.3%",
        "1.04x",
        "44x",
    )


def test_the_table_fits_a_hundred_columns_with_the_worst_figures(run: Run) -> None:
    worst = replace(
        _run(run, "busy-timeout", 9876.0, exhausted=9_999, lost=999),
        busy_rate=1.0,
        contended_rate=1.0,
        retries_per_write=15.0,
        throughput_per_s=77_800.0,
        latency_ms=replace(run.latency_ms, p50=5013.0, p99=5013.0, p999=5013.0, max=5013.0),
    )
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(storm_table([worst]))
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 100
    for column in COLUMNS:
        assert column.text(worst) in text


def test_the_verdict_says_that_the_budget_holds(run: Run) -> None:
    text = verdict([_run(run, "budget", 1.4), _run(run, "queue", 1.05)])
    assert "the 15-retry budget holds" in text
    assert "queue holds" in text


def test_the_verdict_says_at_what_price(run: Run) -> None:
    text = verdict([_run(run, "budget", 39.0), _run(run, "interval", 1.3), _run(run, "queue", 1.05)])
    assert "gives up no write, but at a price" in text
    assert "39x the ideal" in text
    assert "queue holds" in text


def test_the_verdict_says_how_many_writes_never_happened(run: Run) -> None:
    text = verdict([_run(run, "budget", 10.0, exhausted=30), _run(run, "queue", 1.1)])
    assert "does not hold: 30 of 1000 writes never happened" in text


def test_a_lost_write_comes_before_everything(run: Run) -> None:
    text = verdict([_run(run, "budget", 1.0), _run(run, "queue", 1.0, lost=2)])
    assert "queue lost 2 of 1000 acknowledged writes" in text
    assert "holds" not in text


def test_a_damaged_database_comes_before_everything(run: Run) -> None:
    assert "left a damaged database (page 3)" in verdict([_run(run, "queue", 1.0, integrity="page 3")])


def test_no_policy_is_recommended_that_gave_up_writes(run: Run) -> None:
    text = verdict([_run(run, "budget", 30.0), _run(run, "busy-timeout", 1.1, exhausted=5), _run(run, "queue", 1.2)])
    assert "queue holds" in text


def test_without_the_budget_the_verdict_says_how_to_compare(run: Run) -> None:
    assert "Add --policy budget" in verdict([_run(run, "queue", 1.05)])


def test_too_few_writes_are_said_to_be_too_few(run: Run) -> None:
    assert "too few for a p99" in verdict([_run(run, "budget", None), _run(run, "queue", None)])


def test_the_plot_has_a_curve_per_policy_the_ideal_and_units(result: StormResult) -> None:
    figure = latency_by_percentile(result.runs)
    (axes,) = figure.axes
    labels = [text.get_text().split(":")[0] for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["ideal", "budget", "busy-timeout", "queue"]
    assert "ms" in axes.get_ylabel()
    assert axes.get_yscale() == "log"
    assert figure.get_size_inches().tolist() == [8, 5.6]


def test_the_page_needs_no_network_and_says_the_verdict_first(result: StormResult) -> None:
    page = storm_page(result, plot_svg="<svg></svg>")
    assert not re.search(r"(src|href)=.?https?:", page)
    assert page.index(verdict(result.runs).split(",")[0]) < page.index("<h2>")
    assert "sessionreg storm --seed 1" in page
    assert result.environment.sqlite_version in page


def test_the_page_escapes_what_it_did_not_write(result: StormResult) -> None:
    assert "<script>" not in storm_page(replace(result, command="<script>alert(1)</script>"), plot_svg=None)


def test_a_report_is_a_json_a_picture_and_a_page(result: StormResult, tmp_path: Path) -> None:
    paths = files.write_report(result, tmp_path / "deep" / "out")
    assert [path.name for path in paths] == ["storm.json", "storm.png", "storm.html"]
    assert (tmp_path / "deep/out/storm.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert StormResult.from_json((tmp_path / "deep/out/storm.json").read_text()).runs[0].counts == result.runs[0].counts
    assert sum(path.stat().st_size for path in paths) < 2_000_000
    assert len(list((tmp_path / "deep/out").iterdir())) == 3


def test_a_report_that_cannot_be_written_leaves_nothing_half_written(
    result: StormResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    files.write_report(result, out, plots=False)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_sessionreg.report.files.os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_report(result, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    with pytest.raises(OSError, match="No space left"):
        files.write_report(result, tmp_path / "new")
    assert not (tmp_path / "new").exists()
