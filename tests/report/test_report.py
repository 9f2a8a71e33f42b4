from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from pytest_sessionreg.report import storm_report
from pytest_sessionreg.report.comparison_table import comparison_lines, comparison_table, reason_not_judged
from pytest_sessionreg.report.conclusion import conclusion, load
from pytest_sessionreg.report.figures import COLUMNS, NOT_CHECKED, milliseconds, percent, times
from pytest_sessionreg.report.page import storm_page
from pytest_sessionreg.report.pictures import PICTURES
from pytest_sessionreg.report.plots.latency import latency_by_percentile
from pytest_sessionreg.report.plots.retries import retries_histogram
from pytest_sessionreg.report.plots.timeline import timeline
from pytest_sessionreg.report.plots.waits import wait_heat_map
from pytest_sessionreg.report.ratio_table import ratio_table
from pytest_sessionreg.report.remarks import storm_remarks, summary_remarks
from pytest_sessionreg.report.table import storm_table
from pytest_sessionreg.results.comparison import compare
from pytest_sessionreg.results.environment import Environment
from pytest_sessionreg.results.failures import WriteFailure
from pytest_sessionreg.results.policies import policy_named
from pytest_sessionreg.results.result import Counts, Slowdown, StormResult, StormRun
from pytest_sessionreg.results.summary import summarize_policy
from pytest_sessionreg.storm.plan import Plan
from pytest_sessionreg.storm.storm import run_storm

from ..early_end import end_early


@pytest.fixture(scope="module")
def run() -> StormRun:
    return run_storm(Plan(policy_named("queue"), workers=4, writes=12, hold_ms=1, think_ms=2))


@pytest.fixture(scope="module")
def result(run: StormRun) -> StormResult:
    runs = (replace(run, policy="budget"), replace(run, policy="busy-timeout", busy_rate=None), run)
    return StormResult(environment=Environment.of("/tmp/x.db"), command="sessionreg storm --seed 1", runs=runs)  # noqa: S108


def _run(
    run: StormRun, policy: str, slowdown: float | None, *, exhausted: int = 0, lost: int = 0, integrity: str = "ok"
) -> StormRun:
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


def _printed(table: Table | None) -> list[str]:
    assert table is not None
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(table)
    return [line.rstrip() for line in console.export_text().splitlines()]


def _ratio_table(run: StormRun, rounds: int) -> Table | None:
    """A queue with a tenth of the control's latency, an equal slowdown, and half the throughput."""
    runs = [
        replace(
            run,
            policy=policy,
            round=number,
            rounds=rounds,
            latency_ms=replace(run.latency_ms, p99=p99),
            slowdown=Slowdown(p50=1.0, p99=2.0, p999=None),
            throughput_per_s=throughput,
        )
        for number in range(1, rounds + 1)
        for policy, p99, throughput in (("busy-timeout", 50.0, 100.0), ("queue", 5.0, 50.0))
    ]
    return ratio_table(runs)


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
    assert times(0.01234) == "0.012x"


def test_the_table_fits_a_hundred_columns_with_the_worst_figures(run: StormRun) -> None:
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
        assert column.text(summarize_policy([worst])) in text


def test_the_table_of_many_rounds_has_a_row_per_policy_and_fits(run: StormRun) -> None:
    worst = [
        replace(
            _run(run, policy, 9876.0, exhausted=99_999),
            busy_rate=1.0,
            contended_rate=1.0,
            retries_per_write=120.0,
            throughput_per_s=77_800.0,
            latency_ms=replace(run.latency_ms, p50=5013.0, p99=5013.0, p999=5013.0, max=5013.0),
            round=number,
            rounds=5,
        )
        for number in range(1, 6)
        for policy in ("budget", "busy-timeout", "interval", "a-policy-of-the-users-own-with-a-long-name")
    ]
    lines = _printed(storm_table(worst))
    assert max(map(len, lines)) <= 100
    assert [line.split()[0] for line in lines[3:7]] == [
        "budget",
        "busy-timeout",
        "interval",
        "a-policy-of-the-users-o…",
    ]
    assert lines[3].split()[1] == "5000"
    assert "5 rounds: counts are sums" in " ".join(lines)


def test_what_was_not_checked_is_never_called_zero(run: StormRun) -> None:
    nobody_looked: Any = None
    unchecked = replace(run, counts=replace(run.counts, lost=nobody_looked))
    assert " ".join(_printed(storm_table([unchecked]))[3].split()).endswith("not checked")
    text = conclusion([replace(unchecked, policy="budget"), unchecked])
    assert "Whether writes were lost was not checked." in text
    mixed = summarize_policy([unchecked, replace(run, round=2, rounds=2)])
    assert COLUMNS[-1].text(mixed) == NOT_CHECKED
    assert any("not looked for in 1 rounds" in note for note in summary_remarks([mixed]))


def test_a_partial_result_is_labelled_wherever_it_is_shown(run: StormRun, result: StormResult) -> None:
    early = end_early(run, "interrupted after 3 s")
    lines = _printed(storm_table([early]))
    assert lines[3].split()[0] == "queue*"
    assert "* queue is partial: interrupted after 3 s" in " ".join(lines)
    assert conclusion([early]).startswith("Partial result (queue: interrupted after 3 s).")
    page = storm_page(replace(result, runs=(early,)), pictures={})
    assert "This result is partial (interrupted after 3 s)" in page
    for figure in (timeline([early]), wait_heat_map([early]), retries_histogram([early])):
        assert "queue (partial)" in figure.axes[0].get_title(loc="left")
    (axes,) = latency_by_percentile([early]).axes
    assert any("queue (partial)" in str(line.get_label()) for line in axes.get_lines())


def test_missing_rounds_are_said(run: StormRun) -> None:
    some = [replace(run, round=number, rounds=5) for number in (1, 2)]
    assert conclusion(some).startswith("Partial result (2 of 5 rounds).")
    assert "queue: 2 of 5 rounds were run" in " ".join(_printed(storm_table(some)))


def test_ratios_are_shown_round_by_round_with_their_interval(run: StormRun) -> None:
    lines = _printed(_ratio_table(run, 5))
    assert max(map(len, lines)) <= 100
    (row,) = [line for line in lines if line.startswith("queue")]
    assert row.split() == ["queue", "p99", "ms", *["0.10x"] * 5, "0.10x", "0.10", "to", "0.10x", "better"]
    assert [line.split()[-1] for line in lines if line.strip().startswith(("p99 /ideal", "writes/s"))] == [
        "unclear",
        "worse",
    ]


def test_many_rounds_show_the_least_and_the_greatest(run: StormRun) -> None:
    lines = _printed(_ratio_table(run, 30))
    assert max(map(len, lines)) <= 100
    assert "least" in lines[1]
    assert "greatest" in lines[1]


def test_a_few_rounds_have_ratios_and_no_interval(run: StormRun) -> None:
    lines = _printed(_ratio_table(run, 3))
    (row,) = [line for line in lines if line.startswith("queue")]
    assert row.split() == ["queue", "p99", "ms", *["0.10x"] * 3, "0.10x", "-"]
    assert "fewer than 5 rounds" in " ".join(lines)


def test_a_comparison_fits_and_says_its_verdicts(result: StormResult) -> None:
    runs = [replace(run, round=number, rounds=5) for run in result.runs for number in range(1, 6)]
    whole = replace(result, runs=tuple(runs))
    comparison = compare(whole, whole)
    lines = _printed(comparison_table(comparison))
    assert max(map(len, lines)) <= 100
    assert len([line for line in lines if "p99 ms" in line]) == 3
    few = compare(result, result)
    assert "budget: too few rounds: A has 1 and B 1; an interval needs 5 of each." in comparison_lines(few)


def test_results_of_two_machines_are_shown_without_ratios(result: StormResult) -> None:
    other = replace(result, environment=replace(result.environment, cpu="another"))
    comparison = compare(result, other)
    text = " ".join(_printed(comparison_table(comparison)))
    assert "B / A" not in text
    assert "verdict" not in text
    assert (reason_not_judged(comparison) or "").startswith("Not judged, only side by side: cpu")
    assert reason_not_judged(compare(result, result)) is None


def test_a_comparison_says_who_gave_up_more(result: StormResult) -> None:
    lossy = replace(result, runs=tuple(_run(run, run.policy, 2.0, exhausted=100) for run in result.runs))
    assert "queue: A gave up 0.0% of its writes, B 10.0%." in comparison_lines(compare(result, lossy))


def test_the_verdict_says_that_the_budget_holds(run: StormRun) -> None:
    text = conclusion([_run(run, "budget", 1.4), _run(run, "queue", 1.05)])
    assert "the 15-retry budget holds" in text
    assert "queue holds" in text


def test_the_verdict_says_at_what_price(run: StormRun) -> None:
    text = conclusion([_run(run, "budget", 39.0), _run(run, "interval", 1.3), _run(run, "queue", 1.05)])
    assert "gives up no write, but at a price" in text
    assert "39x the ideal" in text
    assert "queue holds" in text


def test_the_verdict_says_how_many_writes_never_happened(run: StormRun) -> None:
    text = conclusion([_run(run, "budget", 10.0, exhausted=30), _run(run, "queue", 1.1)])
    assert "does not hold: 30 of 1000 writes never happened" in text


def test_a_lost_write_comes_before_everything(run: StormRun) -> None:
    text = conclusion([_run(run, "budget", 1.0), _run(run, "queue", 1.0, lost=2)])
    assert "queue lost 2 of 1000 acknowledged writes" in text
    assert "holds" not in text


def test_a_damaged_database_comes_before_everything(run: StormRun) -> None:
    assert "left a damaged database (page 3)" in conclusion([_run(run, "queue", 1.0, integrity="page 3")])


def test_no_policy_is_recommended_that_gave_up_writes(run: StormRun) -> None:
    text = conclusion([_run(run, "budget", 30.0), _run(run, "busy-timeout", 1.1, exhausted=5), _run(run, "queue", 1.2)])
    assert "queue holds" in text


def test_without_the_budget_the_verdict_says_how_to_compare(run: StormRun) -> None:
    assert "Add --policy budget" in conclusion([_run(run, "queue", 1.05)])


def _failing(run: StormRun, failed: int) -> StormRun:
    return replace(run, counts=replace(run.counts, failed=failed, acknowledged=run.counts.acknowledged - failed))


def test_writes_that_failed_by_themselves_are_not_held_against_the_budget(run: StormRun) -> None:
    text = conclusion([_failing(_run(run, "budget", 1.4), 30), _run(run, "queue", 1.1)])
    assert "the 15-retry budget holds" in text
    assert "Writes failed, and not for want of the lock: 30 of 1000 under budget." in text
    text = conclusion([_failing(_run(run, "budget", 1.4), 1000)])
    assert text.endswith("every write failed, and not for want of the lock. See to that first.")


def test_where_no_policy_applies_none_is_advised(run: StormRun) -> None:
    text = conclusion([replace(_run(run, "own", None), contended_rate=None)])
    assert "own gave up no write" in text
    assert "--policy" not in text


def test_remarks_are_about_policies_and_not_their_rounds(run: StormRun) -> None:
    failure = WriteFailure("LookupError", "store.py:7", "gone", "Traceback ...", 2, worker=1, sequence=3)
    other = replace(failure, kind="KeyError", count=1)
    rounds = [replace(_failing(run, 3), failures=(failure, other), round=number, rounds=2) for number in (1, 2)]
    said = storm_remarks(rounds)
    attempted = 2 * run.counts.attempted
    assert said[0] == (
        f"queue: 6 of {attempted} writes failed, 4 with LookupError: gone (store.py:7), and 1 other kind; "
        "first in write 3 of worker 1"
    )
    assert not any("acknowledged" in line for line in said)
    unchecked = replace(run, counts=replace(run.counts, lost=None))
    assert "to have lost writes looked for, give the workload an acknowledged(path) beside it" in storm_remarks(
        [unchecked]
    )
    behind = [replace(run, rate_per_s=50.0, kept=False, backlog=number, round=number, rounds=2) for number in (1, 2)]
    assert [
        line
        for line in storm_remarks(behind)
        if "could not be kept; 2 writes were due" in line and "in round 2" in line
    ]


def test_too_few_writes_are_said_to_be_too_few(run: StormRun) -> None:
    assert "too few for a p99" in conclusion([_run(run, "budget", None), _run(run, "queue", None)])


def test_only_a_policy_near_the_ideal_holds(run: StormRun) -> None:
    text = conclusion([_run(run, "budget", 39.0), _run(run, "busy-timeout", 7.0)])
    assert "busy-timeout does better, with" in text
    assert "busy-timeout holds" not in text


def test_the_load_says_its_loop_and_its_workload(run: StormRun) -> None:
    assert load(run) == "4 writers, 1 ms hold, 2 ms think time, closed loop"
    assert load(replace(run, workload="package.module:function")).endswith("workload package.module:function")


def test_the_page_needs_no_network_and_says_the_verdict_first(result: StormResult) -> None:
    page = storm_page(result, pictures={"latency": "<svg></svg>"})
    assert not re.search(r"(src|href)=.?https?:", page)
    assert page.index(conclusion(result.runs).split(",")[0]) < page.index("<h2>")
    assert "sessionreg storm --seed 1" in page
    assert result.environment.sqlite_version in page


def test_the_page_escapes_what_it_did_not_write(result: StormResult) -> None:
    runs = tuple(replace(run, workload="<script>alert(2)</script>") for run in result.runs)
    page = storm_page(replace(result, command="<script>alert(1)</script>", runs=runs), pictures={})
    assert "<script>" not in page


def test_the_page_of_rounds_has_their_ratios_and_each_round(result: StormResult) -> None:
    runs = tuple(replace(run, round=number, rounds=5) for run in result.runs for number in range(1, 6))
    page = storm_page(replace(result, runs=runs), pictures={})
    assert "Times busy-timeout, in the same rounds" in page
    assert "Every round by itself" in page
    assert page.count("<td>queue</td>") == 7, "its figures, its ratios, five rounds"
    assert "Every round" not in storm_page(result, pictures={})


def test_the_page_of_a_partial_result_says_so(result: StormResult) -> None:
    assert 'class="partial"' not in storm_page(result, pictures={})
    runs = tuple(replace(run, rounds=5) for run in result.runs)
    assert 'class="partial"' in storm_page(replace(result, runs=runs), pictures={})


@pytest.mark.slow
def test_a_report_is_a_page_a_json_and_the_pictures(result: StormResult, tmp_path: Path) -> None:
    written = storm_report.write_report(result, tmp_path / "deep" / "out")
    assert written.note is None
    assert [path.name for path in written.paths] == ["plots", "storm.json", "storm.png", "storm.html"]
    names = {path.name for path in (tmp_path / "deep/out/plots").iterdir()}
    assert names == {
        f"{picture.name}.{kind}" for picture in PICTURES if picture.name != "ratios" for kind in ("png", "svg")
    }
    assert (tmp_path / "deep/out/storm.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert StormResult.from_json((tmp_path / "deep/out/storm.json").read_text()).runs[0].counts == result.runs[0].counts
    assert (tmp_path / "deep/out/storm.html").stat().st_size < 2_000_000
    assert len(list((tmp_path / "deep/out").iterdir())) == 4


@pytest.mark.slow
def test_no_picture_of_an_earlier_result_stays(result: StormResult, tmp_path: Path) -> None:
    storm_report.write_report(result, tmp_path)
    (tmp_path / "plots/mine.png").write_text("kept")
    (tmp_path / "notes.txt").write_text("kept")
    storm_report.write_report(result, tmp_path, plots=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "plots", "storm.html", "storm.json"]
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["mine.png"]


@pytest.mark.slow
def test_a_report_that_cannot_be_written_leaves_nothing_half_written(
    result: StormResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    storm_report.write_report(result, out, plots=False)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_sessionreg.report.whole_files.os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        storm_report.write_report(result, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    with pytest.raises(OSError, match="No space left"):
        storm_report.write_report(result, tmp_path / "new")
    assert not (tmp_path / "new").exists()
