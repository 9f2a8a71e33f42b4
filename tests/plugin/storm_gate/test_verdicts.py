"""The verdicts of the gate in test suites: what fails, what is said, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

Suite = Callable[..., pytest.RunResult]
BaselineOf = Callable[..., Path]

# Rounds of a tenth of the usual length: what these tests look at needs no more.
_SHORT = "--storm-scale=0.1"
_SUITE = """
    def test_notes(storm):
        storm(write, workers=2, writes=60, hold_ms=1, think_ms=2, prepare=prepare)
"""
_LOSING = """
    def test_notes(storm):
        storm(write, workers=2, writes=60, hold_ms=1, think_ms=2, prepare=prepare, acknowledged=forgotten)
"""
_LOSS = "12 of 12 acknowledged writes are lost"


@pytest.mark.slow
def test_a_regression_fails_the_test_in_its_call_phase(
    suite: Suite, baseline: BaselineOf, pytester: pytest.Pytester
) -> None:
    baseline("test_notes", hold=0.2)
    result = suite(_SUITE, _SHORT, "--storm-gate=fail", "--junitxml=junit.xml", "--storm-report=out")
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    lines = [
        "sessionreg: storm gate fail, baseline *storm-baseline.json",
        "*test_notes regressed: hold, to the control's: * times the baseline's (95 % interval *; measured twice",
        "the likeliest causes:",
        "  1. holds grew: 0.2 times the control's then, *",
        "*= storms =*",
        "REGRESSED test_store.py::test_notes: *",
        "  likely cause: *",
        "1 storm: 12 writes, 0 given up, 0 lost",
        "storm gate: 1 REGRESSED",
    ]
    result.stdout.fnmatch_lines(lines)
    (counted,) = ET.parse(pytester.path / "junit.xml").getroot()
    assert (counted.get("failures"), counted.get("errors"), counted.get("tests")) == ("1", "0", "1")
    (case,) = counted.findall("testcase")
    assert "test_notes regressed: " in (case.findall("failure")[0].text or "")
    found = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
    assert found["storm_verdict"] == "REGRESSED"
    assert float(found["storm_hold_ratio"] or 0) > float(found["storm_hold_low"] or 0) > 1.1
    document = json.loads((pytester.path / "out" / "gate.json").read_text())
    assert document["verdict"] == "REGRESSED"
    assert [judgement["rounds"] for judgement in document["judgements"]] >= [10]
    assert "| REGRESSED | " in (pytester.path / "out" / "gate.md").read_text()
    (directory,) = [entry for entry in (pytester.path / "out").iterdir() if entry.is_dir()]
    assert directory.name.startswith("test_store.py-test_notes-")
    assert "storm.json" in {entry.name for entry in directory.iterdir()}


@pytest.mark.slow
def test_a_report_has_the_page_and_the_pictures_of_each_storm(suite: Suite, pytester: pytest.Pytester) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    suite(_SUITE, _SHORT, "--storm-report=out").assert_outcomes(passed=1)
    (directory,) = [entry for entry in (pytester.path / "out").iterdir() if entry.is_dir()]
    assert {entry.name for entry in directory.iterdir()} == {"plots", "storm.json", "storm.png", "storm.html"}


@pytest.mark.slow
def test_a_regression_is_seen_under_xdist(suite: Suite, baseline: BaselineOf, pytester: pytest.Pytester) -> None:
    baseline("test_notes")
    words = ["--storm-gate=fail", "--junitxml=junit.xml", "--storm-report=out", "-n", "2"]
    result = suite(_LOSING, _SHORT, *words)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"test_store.py::test_notes regressed: {_LOSS}",
            "*= storms =*",
            f"REGRESSED test_store.py::test_notes: {_LOSS}",
            "1 storm: 12 writes, 0 given up, 12 lost",
            "storm gate: 1 REGRESSED",
        ]
    )
    assert result.stdout.str().count("= storms =") == 1
    (counted,) = ET.parse(pytester.path / "junit.xml").getroot()
    assert (counted.get("failures"), counted.get("errors"), counted.get("tests")) == ("1", "0", "1")
    assert 'name="storm_verdict" value="REGRESSED"' in (pytester.path / "junit.xml").read_text()
    assert json.loads((pytester.path / "out" / "gate.json").read_text())["verdict"] == "REGRESSED"


def test_warn_says_it_and_fails_nothing(suite: Suite, baseline: BaselineOf) -> None:
    baseline("test_notes")
    result = suite(_LOSING, _SHORT, "--storm-gate=warn")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["REGRESSED *::test_notes: *", "storm gate: 1 REGRESSED (only warned of)"])


@pytest.mark.slow
def test_what_is_as_it_was_passes_and_is_listed_when_asked(suite: Suite, baseline: BaselineOf) -> None:
    path = baseline("test_notes")
    before = path.read_text()
    result = suite(_SUITE, _SHORT, "--storm-gate=fail", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"(PASS|IMPROVED|INCONCLUSIVE) .*::test_notes: ", r"storm gate: 1 "])
    assert path.read_text() == before, "judging changes no baseline"


def test_without_a_baseline_nothing_fails_and_it_is_said(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(_SUITE, "--storm-gate=fail", _SHORT, "--junitxml=junit.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "sessionreg: storm gate fail, baseline *storm-baseline.json (not there yet)",
            "NO_BASELINE *::test_notes: the baseline has no such storm; update it",
            "storm gate: 1 NO_BASELINE",
            "make the baseline with --storm-update-baseline, review it and commit it",
        ]
    )
    assert 'name="storm_verdict" value="NO_BASELINE"' in (pytester.path / "junit.xml").read_text()


@pytest.mark.slow
def test_a_regressed_unittest_fails_too_and_is_the_last_failure(suite: Suite, baseline: BaselineOf) -> None:
    tests = """
        import unittest
        import pytest

        class TestStore(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _storm(self, storm):
                self.storm = storm

            def test_it(self):
                self.storm(
                    write, workers=2, writes=60, hold_ms=1, think_ms=2, prepare=prepare, acknowledged=forgotten
                )

        def test_more():
            pass
    """
    baseline("TestStore::test_it")
    result = suite(tests, _SHORT, "--storm-gate=fail", "-x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["FAILED test_store.py::TestStore::test_it*", "*stopping after 1 failures*"])
    result = suite(tests, "--lf", _SHORT, "--storm-gate=fail")
    result.assert_outcomes(failed=1, deselected=1)


@pytest.mark.slow
def test_a_storm_has_one_name_whatever_distributes_the_tests(suite: Suite, baseline: BaselineOf) -> None:
    baseline("test_notes")
    tests = "import pytest\n\npytestmark = pytest.mark.xdist_group('disk')\n" + dedent(_LOSING)
    result = suite(tests, _SHORT, "--storm-gate=fail", "-n", "1", "--dist", "loadgroup")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["REGRESSED test_store.py::test_notes: *"])


@pytest.mark.slow
def test_storms_of_xdist_workers_take_turns(suite: Suite, pytester: pytest.Pytester) -> None:
    tests = """
        import pytest
        from pathlib import Path
        from time import monotonic

        def began(path):
            prepare(path)
            with open(Path(__file__).with_name("order"), "a") as file:
                file.write("(")

        def ended(path):
            with open(Path(__file__).with_name("order"), "a") as file:
                file.write(")")
            return [(0, 0), (0, 1), (1, 0), (1, 1)]

        @pytest.mark.parametrize("number", range(4))
        def test_it(storm, number):
            storm(write, workers=2, writes=2, hold_ms=20, think_ms=20, prepare=began, acknowledged=ended)
    """
    suite(tests, "-n", "2").assert_outcomes(passed=4)
    assert (pytester.path / "order").read_text() == "()" * 4


@pytest.mark.slow
def test_githubs_step_summary_gets_the_verdicts(
    suite: Suite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    suite(_SUITE, _SHORT).assert_outcomes(passed=1)
    assert not (pytester.path / "summary.md").exists(), "nothing was judged"
    suite(_SUITE, _SHORT, "--storm-gate=warn").assert_outcomes(passed=1)
    text = (pytester.path / "summary.md").read_text()
    assert text.startswith("### Storm gate: NO_BASELINE\n")
    assert "| NO_BASELINE | test_store.py::test_notes | " in text
