"""Budgets of a test and of all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

Suite = Callable[..., pytest.RunResult]
BaselineOf = Callable[..., Path]

_LOSING = """
    def test_notes(storm):
        storm(write, workers=2, writes=6, hold_ms=1, think_ms=2, prepare=prepare, acknowledged=forgotten)
"""


@pytest.mark.slow
def test_a_budget_fails_the_test_in_its_call_phase(suite: Suite, pytester: pytest.Pytester) -> None:
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
    result = suite(tests, "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=3, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "*write under queue, 2 writers: over its limits",
            "  lost: 12 of 12 writes, the limit is 0",
            "*p99_ms=5 cannot be checked: 12 writes are too few for a p99; it takes 368",
            "*storm budget: p98_ms is no limit; choose from *",
        ]
    )
    (counted,) = ET.parse(pytester.path / "junit.xml").getroot()
    assert (counted.get("failures"), counted.get("errors")) == ("3", "0")


@pytest.mark.slow
def test_a_budget_for_all_storms(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nstorm_budget = lost=0 p99_ms=1000\n")
    tests = dedent(_LOSING) + dedent(
        """
        import pytest

        @pytest.mark.storm_budget(lost=None)
        def test_lifted(storm):
            test_notes(storm)
        """
    )
    result = suite(tests, "-k", "test_notes or test_lifted")
    result.assert_outcomes(failed=2)
    result = suite("def test_it(storm):\n    storm(write, workers=2, writes=3, think_ms=0, prepare=prepare)")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_it: p99_ms=1000 cannot be checked: 6 writes are too few*"])


@pytest.mark.slow
def test_a_storm_of_a_fixture_fails_its_test_too_before_it_or_after_it(suite: Suite) -> None:
    tests = """
        import pytest

        pytestmark = pytest.mark.storm_budget(lost=0)
        load = dict(workers=2, writes=3, think_ms=0, prepare=prepare, acknowledged=forgotten)

        @pytest.fixture
        def before(storm):
            return storm(write, **load)

        @pytest.fixture
        def after(storm):
            yield
            storm(write, **load)

        def test_before(before):
            pass

        def test_after(after):
            pass

        def test_fails_anyway(before):
            assert before.lost == 0
    """
    result = suite(tests, "-rfE")
    result.assert_outcomes(failed=2, passed=1, errors=1)
    result.stdout.fnmatch_lines_random(
        ["FAILED *::test_before - *", "FAILED *::test_fails_anyway - *assert 6 == 0*", "ERROR *::test_after - *"]
    )
    result.stdout.fnmatch_lines(
        ["*assert before.lost == 0*", "*Captured storms call*", "*write under queue, 2 writers: over*"]
    )
    assert result.stdout.str().count("lost: 6 of 6 writes, the limit is 0") >= 3


@pytest.mark.slow
def test_a_storm_cut_short_is_not_failed_for_what_it_has_too_few_writes_for(suite: Suite) -> None:
    tests = """
        import pytest

        @pytest.mark.storm_budget(p99_ms=1000)
        def test_it(storm):
            storm("lock", workers=2, writes=20, hold_ms=0, think_ms=0)
    """
    suite(tests).assert_outcomes(failed=1)
    result = suite(tests, "--storm-scale=0.1")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_it: p99_ms=1000 cannot be checked: 4 writes are too few*"])
