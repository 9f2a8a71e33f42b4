"""Options, ini twins, and the silence where no storm runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Suite = Callable[..., pytest.RunResult]
BaselineOf = Callable[..., Path]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ini", "words", "message"),
    [
        ("", ["--storm-gate=fail", "--storm-baseline=broken.json"], "broken.json: no storm baseline, or a truncated"),
        ("", ["--storm-gate=fail", "--storm-baseline=old.json"], "the baseline has schema 0, this version reads 1"),
        (
            "",
            ["--storm-gate=fail", "--storm-baseline=nope.json"],
            "nope.json: does not exist; name the baseline, or make",
        ),
        ("storm_gate = warn\nstorm_baseline = nope.json", [], "nope.json: does not exist; name the baseline, or make"),
        ("", ["--storm-scale=0"], "storm_scale = 0.0: must be a number between 0.01 and 100"),
        ("storm_scale = fast", [], "storm_scale = fast: must be a number"),
        ("storm_gate = maybe", [], "storm_gate = maybe: choose from off, warn, fail"),
        ("storm_budget = p98=1", [], "p98 is no limit; choose from exhausted"),
        ("storm_budget = exhausted=few", [], "exhausted='few': must be a whole number"),
    ],
    ids=str,
)
def test_what_makes_no_setting_is_told_before_any_test(
    suite: Suite, pytester: pytest.Pytester, ini: str, words: list[str], message: str
) -> None:
    (pytester.path / "broken.json").write_text("{")
    (pytester.path / "old.json").write_text('{"kind": "storm-baseline", "schema": 0}')
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = suite("def test_it(): pass", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{message}*"])
    assert len(result.stderr.lines) <= 2


@pytest.mark.slow
def test_the_ini_file_says_what_the_command_line_says(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        storm_gate = "warn"
        storm_baseline = "baselines/mine.json"
        storm_report = "reports/storms"
        storm_scale = "0.1"
        storm_update_baseline = true
        """
    )
    result = suite()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*baselines/mine.json: 1 storm measured; review it and commit it"])
    assert (pytester.path / "baselines" / "mine.json").exists()
    (directory,) = (pytester.path / "reports" / "storms").iterdir()
    assert json.loads((directory / "storm.json").read_text())["runs"][0]["writes"] == 6


@pytest.mark.slow
def test_switched_off_nothing_is_left(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite("def test_it(): pass", "-p", "no:sessionreg")
    result.assert_outcomes(passed=1)
    assert "sessionreg" not in result.stdout.str().replace("plugins: ", "")
    result = suite("def test_it(): pass", "-p", "no:sessionreg", "--storm-gate=fail")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = pytester.runpytest_subprocess("-p", "no:sessionreg", "--help").stdout.str()
    assert "storm" not in text


def test_without_a_storm_there_is_one_line_and_no_more(suite: Suite) -> None:
    result = suite("def test_it(): pass")
    assert [line for line in result.stdout.lines if "storm" in line and not line.startswith(("rootdir", "test_"))] == [
        "sessionreg: storm gate off"
    ]


def test_storms_that_nobody_gates_are_counted_in_one_line(suite: Suite) -> None:
    result = suite("def test_it(storm):\n    storm(write, workers=2, writes=3, think_ms=0, prepare=prepare)")
    result.stdout.fnmatch_lines(["*= storms =*", "1 storm: 6 writes, 0 given up, 0 lost"])


def test_what_is_offered_is_explained(pytester: pytest.Pytester) -> None:
    text = pytester.runpytest_subprocess("--help").stdout
    text.fnmatch_lines_random(
        ["write storms (pytest-sessionreg):", "*--storm-gate=*", "*--storm-baseline=FILE*", "*--storm-report=DIR*"]
    )
    text.fnmatch_lines_random(["*storm_budget (args):*", "*storm_scale (string):*"])
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.storm_budget(*lost=0, *"])
