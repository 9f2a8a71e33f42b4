"""The baseline of a test suite: how it is made and updated."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Suite = Callable[..., pytest.RunResult]
BaselineOf = Callable[..., Path]

# Rounds of a tenth of the usual length: what these tests look at needs no more.
_SHORT = "--storm-scale=0.1"
_LOSING = """
    def test_notes(storm):
        storm(write, workers=2, writes=60, hold_ms=0, think_ms=1, prepare=prepare, acknowledged=forgotten)
"""


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


@pytest.mark.slow
def test_every_storm_has_a_name_of_its_own(suite: Suite) -> None:
    result = suite(_MANY, _SHORT, "--storm-gate=warn")
    result.assert_outcomes(passed=3)
    names = re.findall(r"^NO_BASELINE test_store\.py::(.*): ", result.stdout.str(), re.MULTILINE)
    assert names == ["test_both[1]", "test_both[2]", "test_both[2] storm 2", "TestStore::test_it"]


@pytest.mark.slow
def test_updating_a_part_of_the_baseline_keeps_the_rest(suite: Suite, baseline: BaselineOf) -> None:
    path = baseline("test_of_others", "test_it")
    before = json.loads(path.read_text())["storms"]
    tests = "def test_it(storm):\n    storm('lock', workers=2, writes=6, hold_ms=0, think_ms=1)"
    suite(tests, _SHORT, "--storm-update-baseline").assert_outcomes(passed=1)
    after = json.loads(path.read_text())["storms"]
    assert list(after) == ["test_store.py::test_it", "test_store.py::test_of_others"]
    assert before["test_store.py::test_of_others"] == after["test_store.py::test_of_others"]
    assert before["test_store.py::test_it"] != after["test_store.py::test_it"]


@pytest.mark.slow
def test_records_survive_a_crashed_worker(suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    result = suite(
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
        "--storm-gate=warn",
    )
    result.assert_outcomes(passed=1, failed=1)
    assert result.stdout.str().count("= storms =") == 1
    result.stdout.fnmatch_lines(
        [
            "NO_BASELINE test_store.py::test_crash: *",
            "NO_BASELINE test_store.py::test_other: *",
            "2 storms: * writes, 0 given up, 0 lost",
        ]
    )
    left = [name for name in os.listdir(tmp_path) if name.startswith("sessionreg-")]
    assert not left


@pytest.mark.slow
def test_a_baseline_that_cannot_be_written_fails_the_run(suite: Suite) -> None:
    tests = """
        from pathlib import Path

        def test_notes(storm):
            storm("lock", workers=2, writes=20, hold_ms=0, think_ms=1)
            Path("place").write_text("where the baseline's directory was to be")
    """
    result = suite(tests, _SHORT, "--storm-update-baseline", "--storm-baseline=place/b.json")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*place*: nothing was written there; choose another path"])


@pytest.mark.slow
def test_a_storm_that_loses_writes_is_no_baseline(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(_LOSING, _SHORT, "--storm-update-baseline")
    result.stdout.fnmatch_lines(["*::test_notes: * acknowledged writes are lost; the baseline keeps what it had"])
    assert not (pytester.path / "storm-baseline.json").exists()
