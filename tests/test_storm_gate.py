"""The gate as its users meet it: in test suites of their own."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

from pytest_sessionreg.storm.baseline import Baseline
from pytest_sessionreg.storm.environment import Environment
from pytest_sessionreg.storm.measurement import Load, Measurement, machine_class

# Rounds of a tenth of the usual length: what these tests look at needs no more.
_SHORT = "--storm-scale=0.1"
_STORE = """
    import sqlite3

    def prepare(path):
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE notes (worker, sequence)")
        connection.close()

    def write(connection, worker, sequence):
        connection.execute("INSERT INTO notes VALUES (?, ?)", (worker, sequence))

    def forgotten(path):
        return []
"""
_SUITE = """
    def test_notes(storm):
        storm(write, workers=2, writes=60, hold_ms=1, think_ms=2, prepare=prepare)
"""
_LOSING = """
    def test_notes(storm):
        storm(write, workers=2, writes=60, hold_ms=1, think_ms=2, prepare=prepare, acknowledged=forgotten)
"""
_LOSS = "12 of 12 acknowledged writes are lost"


def _run(pytester: pytest.Pytester, tests: str = _SUITE, *words: str) -> pytest.RunResult:
    path = pytester.path / "test_store.py"
    path.write_text(dedent(_STORE) + dedent(tests))
    return pytester.runpytest_subprocess(*words)


def _baseline(pytester: pytest.Pytester, *names: str, hold: float = 1.0) -> Path:
    """A baseline of the storms `names`, whose holds were `hold` times the control's."""
    measurement = Measurement(
        load=Load("write", 2, 1.0, 2.0, None),
        policy="WriteQueue(patience=5)",
        ratios={"hold": (hold,) * 8, "slowdown": (1.1,) * 8, "done": (1.0,) * 8},
        control={},
        context={},
    )
    here = machine_class(Environment.of(tempfile.gettempdir() + "/storm.db"))
    path = pytester.path / "storm-baseline.json"
    Baseline().with_measurements({f"test_store.py::{name}": {here: measurement} for name in names}).write(str(path))
    return path


def test_a_regression_fails_the_test_in_its_call_phase(pytester: pytest.Pytester) -> None:
    _baseline(pytester, "test_notes", hold=0.2)
    result = _run(pytester, _SUITE, _SHORT, "--storm-gate=fail", "--junitxml=junit.xml", "--storm-report=out")
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
    (suite,) = ET.parse(pytester.path / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("1", "0", "1")
    (case,) = suite.findall("testcase")
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
    assert {"storm.json", "storm.png", "storm.html"} <= {entry.name for entry in directory.iterdir()}


def test_a_regression_is_seen_under_xdist(pytester: pytest.Pytester) -> None:
    _baseline(pytester, "test_notes")
    words = ["--storm-gate=fail", "--junitxml=junit.xml", "--storm-report=out", "-n", "2"]
    result = _run(pytester, _LOSING, _SHORT, *words)
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
    (suite,) = ET.parse(pytester.path / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("1", "0", "1")
    assert 'name="storm_verdict" value="REGRESSED"' in (pytester.path / "junit.xml").read_text()
    assert json.loads((pytester.path / "out" / "gate.json").read_text())["verdict"] == "REGRESSED"


def test_warn_says_it_and_fails_nothing(pytester: pytest.Pytester) -> None:
    _baseline(pytester, "test_notes")
    result = _run(pytester, _LOSING, _SHORT, "--storm-gate=warn")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["REGRESSED *::test_notes: *", "storm gate: 1 REGRESSED (only warned of)"])


def test_what_is_as_it_was_passes_and_is_listed_when_asked(pytester: pytest.Pytester) -> None:
    path = _baseline(pytester, "test_notes")
    before = path.read_text()
    result = _run(pytester, _SUITE, _SHORT, "--storm-gate=fail", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"(PASS|IMPROVED|INCONCLUSIVE) .*::test_notes: ", r"storm gate: 1 "])
    assert path.read_text() == before, "judging changes no baseline"


def test_without_a_baseline_nothing_fails_and_it_is_said(pytester: pytest.Pytester) -> None:
    result = _run(pytester, _SUITE, "--storm-gate=fail", _SHORT, "--junitxml=junit.xml")
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


_MANY = """
    import pytest
    import unittest

    @pytest.mark.parametrize("workers", [1, 2])
    def test_both(storm, workers):
        if workers == 2:
            storm("lock", workers=workers, writes=6, hold_ms=0, think_ms=1)
        storm(write, workers=workers, writes=6, hold_ms=0, think_ms=1, prepare=prepare)

    class TestStore(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def _storm(self, storm):
            self.storm = storm

        def test_it(self):
            self.assertEqual(self.storm("lock", workers=2, writes=6, hold_ms=0, think_ms=1).lost, 0)
"""


def test_every_storm_has_a_name_of_its_own_and_updating_a_part_keeps_the_rest(pytester: pytest.Pytester) -> None:
    path = _baseline(pytester, "test_of_others", "test_both[1]")
    before = json.loads(path.read_text())["storms"]
    _run(pytester, _MANY, _SHORT, "--storm-update-baseline").assert_outcomes(passed=3)
    after = json.loads(path.read_text())["storms"]
    assert [name.partition("::")[2] for name in after] == [
        "TestStore::test_it",
        "test_both[1]",
        "test_both[2]",
        "test_both[2] storm 2",
        "test_of_others",
    ]
    assert before["test_store.py::test_of_others"] == after["test_store.py::test_of_others"]
    assert before["test_store.py::test_both[1]"] != after["test_store.py::test_both[1]"]


def test_a_regressed_unittest_fails_too_and_is_the_last_failure(pytester: pytest.Pytester) -> None:
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
    _baseline(pytester, "TestStore::test_it")
    result = _run(pytester, tests, _SHORT, "--storm-gate=fail", "-x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["FAILED test_store.py::TestStore::test_it*", "*stopping after 1 failures*"])
    result = _run(pytester, tests, "--lf", _SHORT, "--storm-gate=fail")
    result.assert_outcomes(failed=1, deselected=1)


def test_records_survive_a_crashed_worker(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
        import os

        def test_crash(storm):
            storm(write, workers=2, writes=6, think_ms=1, prepare=prepare)
            os._exit(3)

        def test_other(storm):
            storm("lock", workers=2, writes=6, think_ms=1)
        """,
        "-n",
        "2",
        _SHORT,
        "--storm-update-baseline",
    )
    result.assert_outcomes(passed=1, failed=1)
    storms = json.loads((pytester.path / "storm-baseline.json").read_text())["storms"]
    assert [name.partition("::")[2] for name in storms] == ["test_crash", "test_other"]
    assert result.stdout.str().count("= storms =") == 1
    result.stdout.fnmatch_lines(["2 storms: * writes, 0 given up, 0 lost"])
    left = [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("sessionreg-storms-")]
    assert not left


def test_switched_off_nothing_is_left(pytester: pytest.Pytester) -> None:
    result = _run(pytester, "def test_it(): pass", "-p", "no:sessionreg")
    result.assert_outcomes(passed=1)
    assert "sessionreg" not in result.stdout.str().replace("plugins: ", "")
    result = _run(pytester, "def test_it(): pass", "-p", "no:sessionreg", "--storm-gate=fail")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = pytester.runpytest_subprocess("-p", "no:sessionreg", "--help").stdout.str()
    assert "storm" not in text


def test_without_a_storm_there_is_one_line_and_no_more(pytester: pytest.Pytester) -> None:
    result = _run(pytester, "def test_it(): pass")
    assert [line for line in result.stdout.lines if "storm" in line and not line.startswith(("rootdir", "test_"))] == [
        "sessionreg: storm gate off"
    ]


def test_storms_that_nobody_gates_are_counted_in_one_line(pytester: pytest.Pytester) -> None:
    result = _run(pytester, "def test_it(storm):\n    storm(write, workers=2, writes=3, think_ms=0, prepare=prepare)")
    result.stdout.fnmatch_lines(["*= storms =*", "1 storm: 6 writes, 0 given up, 0 lost"])


@pytest.mark.parametrize(
    ("ini", "words", "message"),
    [
        ("", ["--storm-gate=fail", "--storm-baseline=broken.json"], "broken.json: no storm baseline, or a truncated"),
        ("", ["--storm-gate=fail", "--storm-baseline=old.json"], "the baseline has schema 0, this version reads 1"),
        ("", ["--storm-scale=0"], "storm_scale = 0.0: must be a number between 0.01 and 100"),
        ("storm_scale = fast", [], "storm_scale = fast: must be a number"),
        ("storm_gate = maybe", [], "storm_gate = maybe: choose from off, warn, fail"),
        ("storm_budget = p98=1", [], "p98 is no limit; choose from exhausted"),
        ("storm_budget = exhausted=few", [], "exhausted='few': must be a whole number"),
    ],
    ids=str,
)
def test_what_makes_no_setting_is_told_in_one_line_before_any_test(
    pytester: pytest.Pytester, ini: str, words: list[str], message: str
) -> None:
    (pytester.path / "broken.json").write_text("{")
    (pytester.path / "old.json").write_text('{"kind": "storm-baseline", "schema": 0}')
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = _run(pytester, "def test_it(): pass", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{message}*"])
    assert len(result.stderr.lines) <= 2


def test_the_ini_file_says_what_the_command_line_says(pytester: pytest.Pytester) -> None:
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
    result = _run(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*baselines/mine.json: 1 storm measured; review it and commit it"])
    assert (pytester.path / "baselines" / "mine.json").exists()
    (directory,) = (pytester.path / "reports" / "storms").iterdir()
    assert json.loads((directory / "storm.json").read_text())["runs"][0]["writes"] == 6


def test_a_baseline_that_cannot_be_written_fails_the_run(pytester: pytest.Pytester) -> None:
    tests = """
        from pathlib import Path

        def test_notes(storm):
            storm("lock", workers=2, writes=20, hold_ms=0, think_ms=1)
            Path("place").write_text("where the baseline's directory was to be")
    """
    result = _run(pytester, tests, _SHORT, "--storm-update-baseline", "--storm-baseline=place/b.json")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*place*: nothing was written there; choose another path"])


def test_a_storm_that_loses_writes_is_no_baseline(pytester: pytest.Pytester) -> None:
    result = _run(pytester, _LOSING, _SHORT, "--storm-update-baseline")
    result.stdout.fnmatch_lines(["*::test_notes: * acknowledged writes are lost; the baseline keeps what it had"])
    assert not (pytester.path / "storm-baseline.json").exists()


def test_a_budget_fails_the_test_in_its_call_phase(pytester: pytest.Pytester) -> None:
    tests = dedent(_LOSING) + dedent(
        """
        import pytest

        pytestmark = pytest.mark.storm_budget(lost=100)

        @pytest.mark.storm_budget(lost=0)
        def test_marked(storm):
            test_notes(storm)

        @pytest.mark.storm_budget(lost=0)
        @pytest.mark.xfail(strict=True)
        def test_expected(storm):
            test_notes(storm)

        @pytest.mark.storm_budget(p99_ms=5)
        def test_too_few(storm):
            test_notes(storm)

        @pytest.mark.storm_budget(p98_ms=5)
        def test_no_limit(storm):
            test_notes(storm)
        """
    )
    result = _run(pytester, tests, _SHORT, "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=3, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "*write under queue, 2 writers: over its budget",
            "  lost: 12 of 12 writes, the limit is 0",
            "*p99_ms=5 cannot be checked: 12 writes are too few for a p99; it takes 368",
            "*storm budget: p98_ms is no limit; choose from *",
        ]
    )
    (suite,) = ET.parse(pytester.path / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("errors")) == ("3", "0")


def test_a_budget_for_all_storms(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nstorm_budget = lost=0 p99_ms=1000\n")
    tests = dedent(_LOSING) + dedent(
        """
        import pytest

        @pytest.mark.storm_budget(lost=None)
        def test_lifted(storm):
            test_notes(storm)
        """
    )
    result = _run(pytester, tests, _SHORT, "-k", "test_notes or test_lifted")
    result.assert_outcomes(failed=2)
    result = _run(pytester, "def test_it(storm):\n    storm(write, workers=2, writes=3, think_ms=0, prepare=prepare)")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_it: p99_ms=1000 cannot be checked: 6 writes are too few*"])


def test_what_is_offered_is_explained(pytester: pytest.Pytester) -> None:
    text = pytester.runpytest_subprocess("--help").stdout
    text.fnmatch_lines_random(
        ["write storms (pytest-sessionreg):", "*--storm-gate=*", "*--storm-baseline=FILE*", "*--storm-report=DIR*"]
    )
    text.fnmatch_lines_random(["*storm_budget (args):*", "*storm_scale (string):*"])
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.storm_budget(*lost=0, *"])
